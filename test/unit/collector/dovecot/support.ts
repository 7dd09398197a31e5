import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type EventDraft, trafficEventSchema } from '#shared/traffic';
import type { Correlator, LineResult, LogRecord } from '../../../../services/collector/adapter.ts';
import { dovecotAdapter } from '../../../../services/collector/dovecot/index.ts';

const vectorsFolder =
  process.env.GRIFFIE_VECTORS ?? fileURLToPath(new URL('../../../../../shared/vectors', import.meta.url));

/** Path of a vector file, or undefined where this machine has none. */
export function vector(path: string): string | undefined {
  const full = `${vectorsFolder}/${path}`;
  return existsSync(full) ? full : undefined;
}

export const start = Date.parse('2026-11-22T18:00:00Z');

/** A text record `seconds` after the start. */
export function record(message: string, seconds = 0, host = 'mx1.example.nl'): LogRecord {
  return { timeMs: start + seconds * 1000, host, program: 'dovecot', message };
}

/** Takes the header off a line of Dovecot's own log, or of a syslog file; years and zones are not the point here. */
export function fromLine(line: string): LogRecord {
  const own = /^([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d:\d\d:\d\d) (?:(\S+) dovecot(?:\[\d+\])?: )?(.*)$/.exec(
    line,
  );
  if (own !== null) {
    const [, month, day, time, host, message] = own;
    const timeMs = Date.parse(`${day} ${month} 2026 ${time} UTC`);
    return { timeMs, host: host ?? 'mx1.example.nl', program: 'dovecot', message: message ?? '' };
  }
  const iso = /^(\S+) (\S+) dovecot: (.*)$/.exec(line);
  if (iso === null) throw new Error('the test has a line without a header');
  return { timeMs: Date.parse(iso[1] ?? ''), host: iso[2] ?? '', program: 'dovecot', message: iso[3] ?? '' };
}

export function correlator(maxOpen?: number): Correlator {
  return dovecotAdapter.createCorrelator([], maxOpen === undefined ? {} : { maxOpen });
}

export function eventsOf(result: LineResult): readonly EventDraft[] {
  return result.kind === 'understood' ? result.events : [];
}

/** Every event of the records, each of which must be a valid stored event. */
export function run(records: Iterable<LogRecord>, into: Correlator = correlator()): EventDraft[] {
  const events: EventDraft[] = [];
  for (const each of records) events.push(...eventsOf(into.process(each)));
  for (const event of events) {
    trafficEventSchema.parse({
      ...event,
      schemaVersion: 1,
      eventId: '0'.repeat(32),
      collectedAt: '2026-11-22T18:00:00.000Z',
      sourceId: 'test',
      sourcePosition: '0:0',
    });
  }
  return events;
}

/** The one event that a single message gives. */
export function only(message: string): EventDraft {
  const events = run([record(message)]);
  const [event] = events;
  if (event === undefined || events.length !== 1) throw new Error(`expected one event, got ${events.length}`);
  return event;
}

/** Fields of an event that matter to most tests, without the ones that repeat. */
export function brief(event: EventDraft): Partial<EventDraft> {
  const { occurredAt: _, host: __, software: ___, ...rest } = event;
  return rest;
}

/** A line that says nothing of sessions, long after: what waited for its session has waited long enough. */
export const muchLater: LogRecord = record('lmtp(9): Info: Disconnect from local: Logged out', 86_400);

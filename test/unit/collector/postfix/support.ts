import { expect } from 'vitest';
import { type EventDraft, trafficEventSchema } from '#shared/traffic';
import type { Correlator, LineResult, LogRecord } from '../../../../services/collector/adapter.ts';
import { postfixAdapter } from '../../../../services/collector/postfix/index.ts';
import { createHeaderParser } from '../../../../services/collector/syslog/index.ts';

/** Records of a log; a line without a time stamp gets one a second after the line before it. */
export function recordsOf(log: string, host = 'mx1'): LogRecord[] {
  const parser = createHeaderParser({
    format: 'syslog',
    timeZone: 'UTC',
    host,
    referenceMs: Date.UTC(2026, 11, 31),
  });
  let ms = Date.UTC(2026, 10, 22, 17);
  return log
    .split('\n')
    .map((line) => line.trimStart())
    .filter((line) => line !== '')
    .map((line) => {
      ms += 1_000;
      const stamped = /^(?:[A-Z][a-z]{2} |\d{4}-)/.test(line)
        ? line
        : `${new Date(ms).toISOString()} ${host} ${line}`;
      const record = parser.parse(stamped);
      if (typeof record === 'string') throw new Error(`${record}: ${stamped}`);
      ms = record.timeMs;
      return record;
    });
}

export function resultsOf(
  log: string,
  correlator: Correlator = postfixAdapter.createCorrelator([]),
): LineResult[] {
  return recordsOf(log).map((record) => correlator.process(record));
}

/** Events of a log, each of which the schema has to accept. */
export function eventsOf(log: string, correlator?: Correlator): EventDraft[] {
  const events = resultsOf(log, correlator).flatMap((result) => {
    expect(result.kind === 'notUnderstood' ? result : undefined).toBeUndefined();
    return result.kind === 'understood' ? result.events : [];
  });
  for (const event of events) expectValid(event);
  return events;
}

export function expectValid(event: EventDraft): void {
  const parsed = trafficEventSchema.safeParse({
    ...event,
    schemaVersion: 1,
    eventId: '0'.repeat(32),
    collectedAt: '2026-11-22T17:00:00.000Z',
    sourceId: 'test',
    sourcePosition: '1:0',
  });
  expect(parsed.error?.issues ?? []).toEqual([]);
}

/** The one event of this type; fails where there is none or another. */
export function only(events: readonly EventDraft[], type: EventDraft['type']): EventDraft {
  const found = events.filter((event) => event.type === type);
  expect(found).toHaveLength(1);
  const [event] = found;
  if (event === undefined) throw new Error('unreachable');
  return event;
}

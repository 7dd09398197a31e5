import { hostname } from 'node:os';
import { type Clock, utc } from '#shared/runtime';
import { normalizeHostName, type TrafficEvent } from '#shared/traffic';
import type { LineFormat, SoftwareChoice } from './config.ts';
import { adaptersFor, mailServerAdapters } from './pipeline/adapters.ts';
import { type Counters, emptyCounters } from './pipeline/counters.ts';
import { createLineProcessor } from './pipeline/line-processor.ts';
import { type Listed, Listing } from './pipeline/listing.ts';
import { createRecordParser } from './pipeline/record-parser.ts';
import { createStreamSource } from './sources/index.ts';

export interface ParseOptions {
  readonly clock: Clock;
  readonly format?: LineFormat;
  /** IANA zone of times that name none; UTC where absent. */
  readonly timeZone?: string;
  /** Host of lines that name none; this one where absent. */
  readonly host?: string;
}

export interface ParseSummary extends Counters {
  /** Messages and sessions that were still waiting for lines at the end. */
  readonly open: number;
  /** The last thousand lines that were not understood, newest first: reason and byte offset. */
  readonly listed: readonly Listed[];
}

export interface ParsedStream {
  readonly events: AsyncIterable<TrafficEvent>;
  /** Of what was read so far; complete when `events` has ended. */
  summary(): ParseSummary;
}

const batchLines = 4_096;

/** Reads a log once and gives its events, keeping nothing: for operators to try their own log (`griffie parse`). */
export function parseStream(
  software: SoftwareChoice,
  input: AsyncIterable<Uint8Array>,
  options: ParseOptions,
): ParsedStream {
  const { clock } = options;
  const counters = emptyCounters();
  const listing = new Listing([]);
  const processor = createLineProcessor({
    sourceId: 'parse',
    instance: undefined,
    parser: createRecordParser({
      format: options.format ?? 'auto',
      software,
      timeZone: options.timeZone ?? 'UTC',
      host: options.host ?? normalizeHostName(hostname()) ?? 'localhost',
      referenceMs: () => clock.now(),
      state: undefined,
    }),
    adapters: adaptersFor(software, mailServerAdapters),
    state: () => [],
    byHost: false,
    counters,
    onNotUnderstood: (reason, position) => listing.add({ reason, position, readAt: utc(clock.now()) }),
  });

  async function* events(): AsyncGenerator<TrafficEvent> {
    const source = createStreamSource(input);
    const { signal } = new AbortController();
    await source.open(undefined);
    try {
      for (;;) {
        const batch = await source.read(batchLines, signal);
        const now = utc(clock.now());
        for (const line of batch.lines) {
          for (const event of processor.process(line, now)) yield event;
        }
        // Nothing is kept here; the changes are taken so that they do not pile up.
        [...processor.takeChanges()].length = 0;
        listing.takeChanges();
        if (batch.ended) return;
      }
    } finally {
      await source.close();
    }
  }

  return {
    events: events(),
    summary: () => ({
      ...structuredClone(counters),
      open: processor.openCount,
      listed: listing.entries(),
    }),
  };
}

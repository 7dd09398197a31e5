import {
  type EventDraft,
  eventIdFor,
  type TrafficEvent,
  trafficEventSchema,
  trafficSchemaVersion,
} from '#shared/traffic';
import type { Correlator, LineResult, LogRecord, MailServerAdapter } from '../adapter.ts';
import type { Change } from '../checkpoint/index.ts';
import type { SourceLine } from '../sources/index.ts';
import type { Counters } from './counters.ts';
import type { RecordParser } from './record-parser.ts';

export interface LineProcessorOptions {
  readonly sourceId: string;
  /** Given to events that have none of their own. */
  readonly instance: string | undefined;
  readonly parser: RecordParser;
  readonly adapters: readonly MailServerAdapter[];
  /** Correlation state of one adapter, as folded from the checkpoint. */
  readonly stateOf: (software: string) => Iterable<readonly [key: string, value: string]>;
  /** Continued, and changed in place. */
  readonly counters: Counters;
  /** Told of every line that was not understood: its reason and place. */
  readonly onNotUnderstood: (reason: string, position: string) => void;
}

/** Lines in, valid events out: what following a source and `griffie parse` have in common. */
export interface LineProcessor {
  /** @param collectedAt RFC 3339 UTC with milliseconds. */
  process(line: SourceLine, collectedAt: string): TrafficEvent[];
  /** Correlation state that changed, each key under its adapter's name. */
  takeChanges(): Iterable<Change>;
  readonly openCount: number;
}

export function createLineProcessor(options: LineProcessorOptions): LineProcessor {
  return new Processor(options);
}

/** Prefix of an adapter's keys in the checkpoint's state. */
export function statePrefix(software: string): string {
  return `${software}:`;
}

type Route = readonly [MailServerAdapter, Correlator];

class Processor implements LineProcessor {
  readonly #options: LineProcessorOptions;
  readonly #correlators: readonly Route[];
  /** By program tag; bounded, because tags come from untrusted lines. */
  readonly #routes = new Map<string, Route | null>();

  constructor(options: LineProcessorOptions) {
    this.#options = options;
    this.#correlators = options.adapters.map((adapter) => [
      adapter,
      adapter.createCorrelator(options.stateOf(adapter.software)),
    ]);
  }

  process(line: SourceLine, collectedAt: string): TrafficEvent[] {
    const { counters, parser } = this.#options;
    counters.lines++;
    if (line.problem === 'line.too_long') {
      this.#notUnderstood(line.problem, line.position);
      return [];
    }
    const parsed = parser.parse(line.text);
    if (typeof parsed === 'string') {
      this.#notUnderstood(parsed, line.position);
      return [];
    }
    counters.lastLineMs = parsed.record.timeMs;
    const position = parsed.position ?? line.position;
    const result = this.#correlate(parsed.record);
    if (result.kind === 'notUnderstood') this.#notUnderstood(result.reason, position);
    else if (result.kind === 'ignored') counters.ignored++;
    if (result.kind !== 'understood') return [];
    const events = this.#complete(result.events, position, collectedAt);
    // The event is kept: U+FFFD in it says which value was not readable.
    if (line.problem === 'line.not_utf8' && JSON.stringify(events).includes('\ufffd')) {
      this.#notUnderstood(line.problem, position);
    }
    return events;
  }

  *takeChanges(): Generator<Change> {
    for (const [adapter, correlator] of this.#correlators) {
      const prefix = statePrefix(adapter.software);
      for (const [key, value] of correlator.takeChanges()) yield [prefix + key, value];
    }
  }

  get openCount(): number {
    return this.#correlators.reduce((sum, [, correlator]) => sum + correlator.openCount, 0);
  }

  #correlate(record: LogRecord): LineResult {
    const route = this.#route(record.program);
    if (route === null) return { kind: 'ignored' };
    const [adapter, correlator] = route;
    try {
      return correlator.process(record);
    } catch {
      // Against its contract; one line must not stop a source for good.
      return { kind: 'notUnderstood', reason: `${adapter.software}.fault` };
    }
  }

  #route(program: string): Route | null {
    const known = this.#routes.get(program);
    if (known !== undefined) return known;
    const route = this.#correlators.find(([adapter]) => adapter.claims(program)) ?? null;
    if (this.#routes.size >= 1_000) this.#routes.clear();
    this.#routes.set(program, route);
    return route;
  }

  /** The ordinal counts drafts, so that one that is refused does not rename the others. */
  #complete(drafts: readonly EventDraft[], sourcePosition: string, collectedAt: string): TrafficEvent[] {
    const { sourceId, instance, counters } = this.#options;
    const events: TrafficEvent[] = [];
    for (const [ordinal, draft] of drafts.entries()) {
      const event: TrafficEvent = {
        ...draft,
        schemaVersion: trafficSchemaVersion,
        eventId: eventIdFor(sourceId, sourcePosition, ordinal),
        collectedAt,
        sourceId,
        sourcePosition,
      };
      if (instance !== undefined) event.instance ??= instance;
      const result = trafficEventSchema.safeParse(event);
      if (result.success) {
        counters.events++;
        events.push(result.data);
        continue;
      }
      const field = result.error.issues[0]?.path[0];
      this.#notUnderstood(`event.invalid.${field === undefined ? 'unknown' : String(field)}`, sourcePosition);
    }
    return events;
  }

  #notUnderstood(reason: string, position: string): void {
    const { notUnderstood } = this.#options.counters;
    notUnderstood[reason] = (notUnderstood[reason] ?? 0) + 1;
    this.#options.onNotUnderstood(reason, position);
  }
}

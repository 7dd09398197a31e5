import {
  type EventDraft,
  eventIdFor,
  type TrafficEvent,
  trafficEventSchema,
  trafficSchemaVersion,
} from '#shared/traffic';
import type { MailServerAdapter } from '../adapter.ts';
import type { Change } from '../checkpoint/index.ts';
import type { SourceLine } from '../sources/index.ts';
import { Correlators } from './correlators.ts';
import type { Counters } from './counters.ts';
import type { LineOutcome } from './day-tallies.ts';
import type { RecordParser } from './record-parser.ts';
import { Repetitions } from './repetitions.ts';

export interface LineProcessorOptions {
  readonly sourceId: string;
  /** Given to events that have none of their own. */
  readonly instance: string | undefined;
  readonly parser: RecordParser;
  readonly adapters: readonly MailServerAdapter[];
  /** State under keys with this prefix, which is taken off; what `takeChanges` gave, folded. */
  readonly state: (prefix: string) => Iterable<readonly [key: string, value: string]>;
  /** See `CorrelatorsOptions`. */
  readonly byHost: boolean;
  /** Continued, and changed in place. */
  readonly counters: Counters;
  /**
   * Told what became of each line, once.
   * @param invalid drafts of events that the line gave and that were none.
   */
  readonly onLine?: (outcome: LineOutcome, invalid: number) => void;
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

interface ProcessedLine {
  readonly outcome: LineOutcome;
  readonly events?: TrafficEvent[];
  readonly invalid?: number;
}

/** Keys of lines that came last, in the state. */
const seenPrefix = 'seen:';

class Processor implements LineProcessor {
  readonly #options: LineProcessorOptions;
  readonly #correlators: Correlators;
  readonly #repetitions: Repetitions;

  constructor(options: LineProcessorOptions) {
    this.#options = options;
    this.#correlators = new Correlators(options);
    this.#repetitions = new Repetitions(options.state(seenPrefix));
  }

  process(line: SourceLine, collectedAt: string): TrafficEvent[] {
    const { outcome, events = [], invalid = 0 } = this.#process(line, collectedAt);
    this.#options.onLine?.(outcome, invalid);
    return events;
  }

  #process(line: SourceLine, collectedAt: string): ProcessedLine {
    const { counters, parser } = this.#options;
    counters.lines++;
    if (line.problem === 'line.too_long') {
      return this.#notUnderstood(line.problem, line.position);
    }
    const parsed = parser.parse(line.text, line.writtenMs);
    if (typeof parsed === 'string') {
      return this.#notUnderstood(parsed, line.position);
    }
    const identity = parsed.identity ?? line.identity;
    if (identity !== undefined && this.#repetitions.isRepeated(identity)) {
      counters.repeated++;
      return { outcome: 'repeated' };
    }
    counters.lastLineMs = parsed.record.timeMs;
    const position = parsed.position ?? line.position;
    const result = this.#correlators.process(parsed.record, collectedAt);
    if (result === null || result.kind === 'ignored') {
      counters.ignored++;
      return { outcome: 'ignored' };
    }
    if (result.kind === 'notUnderstood') {
      return this.#notUnderstood(result.reason, position);
    }
    const events = this.#complete(result.events, parsed.identity ?? position, collectedAt, position);
    // The event is kept: U+FFFD in it says which value was not readable.
    if (line.problem === 'line.not_utf8' && JSON.stringify(events).includes('\ufffd')) {
      this.#notUnderstood(line.problem, position);
    }
    return { outcome: 'understood', events, invalid: result.events.length - events.length };
  }

  *takeChanges(): Generator<Change> {
    yield* this.#correlators.takeChanges();
    for (const [key, value] of this.#repetitions.takeChanges()) yield [seenPrefix + key, value];
  }

  get openCount(): number {
    return this.#correlators.openCount;
  }

  /** The ordinal counts drafts, so that one that is refused does not rename the others. */
  #complete(
    drafts: readonly EventDraft[],
    sourcePosition: string,
    collectedAt: string,
    place: string,
  ): TrafficEvent[] {
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
      this.#notUnderstood(`event.invalid.${field === undefined ? 'unknown' : String(field)}`, place);
    }
    return events;
  }

  #notUnderstood(reason: string, position: string): ProcessedLine {
    const { notUnderstood } = this.#options.counters;
    notUnderstood[reason] = (notUnderstood[reason] ?? 0) + 1;
    this.#options.onNotUnderstood(reason, position);
    return { outcome: 'notUnderstood' };
  }
}

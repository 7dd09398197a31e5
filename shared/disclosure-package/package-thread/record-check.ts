import type { LineSource, StoredLines } from '#shared/traffic';
import { type ReleasedLines, ReleaseGate, type ReleaseScope } from './release-gate.ts';
import { EventFilter, withoutRepeats } from './seen-events.ts';

/** Makes what may leave of what a store gave: each line held against the scope, each event once. */
export class RecordCheck {
  readonly #gate: ReleaseGate;
  readonly #eventsBefore: LineSource['eventsBefore'];
  #filter: EventFilter | null = null;

  constructor(scope: ReleaseScope, eventsBefore: LineSource['eventsBefore']) {
    this.#gate = new ReleaseGate(scope);
    this.#eventsBefore = eventsBefore;
  }

  /** @throws {PackageError} `package.record_invalid` */
  pass({ bytes, slice }: StoredLines): Promise<ReleasedLines> {
    this.#filter ??= new EventFilter(slice.expected);
    return withoutRepeats(this.#gate.pass(bytes, slice), this.#filter, (ids) =>
      this.#eventsBefore(slice.from, ids),
    );
  }
}

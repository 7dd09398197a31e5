import { randomBytes } from 'node:crypto';
import { type SourceTally, tallyVersion } from '#shared/traffic';
import type { StateChanges } from '../adapter.ts';

/** What became of a line: one of these, and one only. */
export type LineOutcome = 'repeated' | 'ignored' | 'notUnderstood' | 'understood';

/**
 * Days that are kept, to be told anew after a start: as long as a topic may keep records, and a collector
 * that was away is to tell of the days before.
 */
const keptDays = 40;

const checkpointKey = 'checkpoint';

type Counts = { -readonly [K in keyof SourceTally]: SourceTally[K] };

/**
 * What a source gave on each day of collection. Part of the checkpoint, in the same record as the position:
 * a line is counted where the position is past it, and nowhere else, whatever is killed.
 */
export class DayTallies {
  readonly #sourceId: string;
  readonly #checkpoint: string;
  readonly #days = new Map<string, Counts>();
  readonly #untold = new Set<string>();
  #changes = new Map<string, string | null>();
  /** Nothing was read yet since the checkpoint was opened. */
  #resumed = true;

  /** @param state what `takeChanges` gave, folded. */
  constructor(sourceId: string, state: Iterable<readonly [key: string, value: string]>) {
    this.#sourceId = sourceId;
    let checkpoint: string | undefined;
    for (const [key, value] of state) {
      if (key === checkpointKey) checkpoint = value;
      else this.#days.set(key, JSON.parse(value) as Counts);
    }
    this.#checkpoint = checkpoint ?? randomBytes(8).toString('hex');
    if (checkpoint === undefined) this.#changes.set(checkpointKey, this.#checkpoint);
    for (const day of this.#days.keys()) this.#untold.add(day);
  }

  /** The counts of a day, to be raised; told of with the next commit. @param day `2026-05-22`, in UTC */
  on(day: string): Counts {
    const counts = this.#days.get(day) ?? this.#begin(day);
    this.#changes.set(day, '');
    this.#untold.add(day);
    this.#resumed = false;
    return counts;
  }

  takeChanges(): StateChanges {
    const changes = new Map(this.#changes);
    for (const [day, value] of changes) {
      const counts = this.#days.get(day);
      if (value !== null && counts !== undefined) changes.set(day, JSON.stringify(counts));
    }
    this.#changes = new Map();
    return changes;
  }

  /** Days that changed since they were told of. Only of what is committed. */
  untold(): SourceTally[] {
    return [...this.#untold].flatMap((day) => structuredClone(this.#days.get(day)) ?? []);
  }

  /** They have arrived; what was counted meanwhile is told with the next. */
  told(tallies: readonly SourceTally[]): void {
    for (const { day, lines, gaps } of tallies) {
      const now = this.#days.get(day);
      if (now?.lines === lines && now.gaps === gaps) this.#untold.delete(day);
    }
  }

  #begin(day: string): Counts {
    const lastDay = [...this.#days.keys()].sort().at(-1);
    const counts: Counts = {
      tallyVersion,
      sourceId: this.#sourceId,
      day,
      checkpoint: this.#checkpoint,
      lines: 0,
      repeated: 0,
      ignored: 0,
      notUnderstood: 0,
      understood: 0,
      events: 0,
      invalid: 0,
      gaps: 0,
      resumedFrom: this.#resumed && lastDay !== undefined && lastDay < day ? lastDay : null,
    };
    this.#days.set(day, counts);
    for (const old of [...this.#days.keys()].sort().slice(0, -keptDays)) {
      this.#days.delete(old);
      this.#untold.delete(old);
      this.#changes.set(old, null);
    }
    return counts;
  }
}

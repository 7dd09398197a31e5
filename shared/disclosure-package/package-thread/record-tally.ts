import type { EventType, ReleasedRecord } from '#shared/traffic';
import type { OriginCounts, RecordDigest } from './messages.ts';
import type { RecordOrigin, ReleasedLines } from './release-gate.ts';

/** Counts records by type and by where they came from, and keeps the first of them. */
export class RecordTally {
  readonly #keep: number;
  readonly #first: ReleasedRecord[] = [];
  readonly #countsByType = new Map<EventType, number>();
  readonly #origins = new Map<string, Map<string, number>>();

  constructor(keep: number) {
    this.#keep = keep;
  }

  take(lines: ReleasedLines): void {
    for (const type of lines.types) addOne(this.#countsByType, type);
    for (const origin of lines.origins) addOne(this.#daysOf(origin), origin.day);
    const missing = this.#keep - this.#first.length;
    if (missing > 0) this.#first.push(...firstOf(lines, missing));
  }

  get digest(): RecordDigest {
    return { first: this.#first, countsByType: this.#countsByType };
  }

  get origins(): OriginCounts {
    return this.#origins;
  }

  #daysOf({ sourceId }: RecordOrigin): Map<string, number> {
    const days = this.#origins.get(sourceId) ?? new Map<string, number>();
    this.#origins.set(sourceId, days);
    return days;
  }
}

function addOne<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function firstOf({ bytes, ends }: ReleasedLines, count: number): ReleasedRecord[] {
  const kept = ends.slice(0, count);
  const text = Buffer.from(bytes.subarray(0, kept.at(-1) ?? 0)).toString('utf8');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line): ReleasedRecord => JSON.parse(line));
}

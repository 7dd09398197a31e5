import type { EventType, ReleasedLines, ReleasedRecord } from '#shared/traffic';

/** What the report needs of the records, gathered while they are written: the first few, and counts. */
export class RecordDigest {
  readonly first: ReleasedRecord[] = [];
  readonly countsByType = new Map<EventType, number>();
  readonly #keep: number;

  constructor(keep: number) {
    this.#keep = keep;
  }

  /** Hands the records on, and remembers. */
  async *watch(records: AsyncIterable<ReleasedLines>): AsyncGenerator<ReleasedLines> {
    for await (const lines of records) {
      for (const type of lines.types) this.countsByType.set(type, (this.countsByType.get(type) ?? 0) + 1);
      if (this.first.length < this.#keep) this.first.push(...firstOf(lines, this.#keep - this.first.length));
      yield lines;
    }
  }
}

function firstOf({ bytes, ends }: ReleasedLines, count: number): ReleasedRecord[] {
  const kept = ends.slice(0, count);
  const text = Buffer.from(bytes.subarray(0, kept.at(-1) ?? 0)).toString('utf8');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line): ReleasedRecord => JSON.parse(line));
}

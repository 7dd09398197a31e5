import type { EventType } from '#shared/traffic';
import type { ReleasedRecord } from '../parts.ts';

/** What the report needs of the records, gathered while they are written: the first few, and counts. */
export class RecordDigest {
  readonly first: ReleasedRecord[] = [];
  readonly countsByType = new Map<EventType, number>();
  readonly #keep: number;

  constructor(keep: number) {
    this.#keep = keep;
  }

  /** Hands the records on, and remembers. */
  async *watch(records: AsyncIterable<ReleasedRecord>): AsyncGenerator<ReleasedRecord> {
    for await (const record of records) {
      if (this.first.length < this.#keep) this.first.push(record);
      if (record.type !== undefined) {
        this.countsByType.set(record.type, (this.countsByType.get(record.type) ?? 0) + 1);
      }
      yield record;
    }
  }
}

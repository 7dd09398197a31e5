import type { TrafficEvent } from '#shared/traffic';
import { PackageError } from './errors.ts';

/** A record as it is released: an event, projected to the categories that were granted. */
export type ReleasedRecord = Partial<TrafficEvent>;

/** Lines are handed on in chunks of about this size, so that a record costs no trip through the streams. */
const chunkBytes = 64 * 1024;

/**
 * Cuts a stream of records into parts of NDJSON: whole lines, in order, no part over `maxBytes`, none
 * empty. Parts are read one after the other, each to its end.
 */
export class PartSource {
  /** Records handed out so far, over all parts. */
  records = 0;
  readonly #records: AsyncIterator<ReleasedRecord>;
  readonly #maxBytes: number;
  #next: Buffer | null = null;

  constructor(records: AsyncIterable<ReleasedRecord>, maxBytes: number) {
    this.#records = records[Symbol.asyncIterator]();
    this.#maxBytes = maxBytes;
  }

  /** Whether there is another part. */
  async hasPart(): Promise<boolean> {
    this.#next ??= await this.#nextLine();
    return this.#next !== null;
  }

  /** The bytes of the next part. */
  async *part(): AsyncGenerator<Uint8Array> {
    let chunk: Buffer[] = [];
    let inChunk = 0;
    let inPart = 0;
    while ((await this.hasPart()) && this.#next !== null && inPart + this.#next.length <= this.#maxBytes) {
      chunk.push(this.#next);
      inChunk += this.#next.length;
      inPart += this.#next.length;
      this.records += 1;
      this.#next = null;
      if (inChunk >= chunkBytes) {
        yield Buffer.concat(chunk, inChunk);
        chunk = [];
        inChunk = 0;
      }
    }
    if (inChunk > 0) yield Buffer.concat(chunk, inChunk);
  }

  /** Lets go of the records' source, wherever it stands. */
  async close(): Promise<void> {
    await this.#records.return?.();
  }

  async #nextLine(): Promise<Buffer | null> {
    const { done, value } = await this.#records.next();
    if (done === true) return null;
    const line = Buffer.from(`${JSON.stringify(value)}\n`);
    if (line.length > this.#maxBytes) {
      throw new PackageError(
        'package.record_too_large',
        'one record is larger than a part of a package may be',
      );
    }
    return line;
  }
}

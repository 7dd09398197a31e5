import type { ReleasedLines } from '#shared/traffic';
import { PackageError } from './errors.ts';

/**
 * Cuts a stream of records into parts of NDJSON: whole lines, in order, no part over `maxBytes`, none
 * empty. Parts are read one after the other, each to its end. Where a record stands, as part and line, is
 * its ordinal: the same records give the same parts.
 */
export class PartSource {
  /** Records and bytes handed out so far, over all parts. */
  records = 0;
  bytes = 0;
  readonly #source: AsyncIterator<ReleasedLines>;
  readonly #maxBytes: number;
  #lines: ReleasedLines | null = null;
  /** Lines of `#lines` that were handed out, and their bytes. */
  #done = 0;
  #doneBytes = 0;

  constructor(records: AsyncIterable<ReleasedLines>, maxBytes: number) {
    this.#source = records[Symbol.asyncIterator]();
    this.#maxBytes = maxBytes;
  }

  /** Whether there is another part. */
  async hasPart(): Promise<boolean> {
    while (this.#lines === null || this.#done === this.#lines.ends.length) {
      const { done, value } = await this.#source.next();
      if (done === true) {
        this.#lines = null;
        return false;
      }
      this.#lines = value;
      this.#done = 0;
      this.#doneBytes = 0;
    }
    return true;
  }

  /** The bytes of the next part. */
  async *part(): AsyncGenerator<Uint8Array> {
    for (let room = this.#maxBytes; await this.hasPart(); ) {
      const bytes = this.#take(room);
      if (bytes === null) {
        if (room < this.#maxBytes) return;
        throw new PackageError(
          'package.record_too_large',
          'one record is larger than a part of a package may be',
        );
      }
      room -= bytes.length;
      yield bytes;
    }
  }

  /** Lets go of the records' source, wherever it stands. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }

  /** As many of the lines at hand as there is room for; null where there is none for the first. */
  #take(room: number): Uint8Array | null {
    const { ends, bytes } = this.#lines ?? { ends: [], bytes: new Uint8Array() };
    const from = this.#doneBytes;
    let lines = ends.length;
    while (lines > this.#done && (ends[lines - 1] ?? 0) - from > room) lines -= 1;
    if (lines === this.#done) return null;
    const to = ends[lines - 1] ?? from;
    this.records += lines - this.#done;
    this.bytes += to - from;
    this.#done = lines;
    this.#doneBytes = to;
    return bytes.subarray(from, to);
  }
}

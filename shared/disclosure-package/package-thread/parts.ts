import { PackageError } from '../errors.ts';
import type { ReleasedLines } from './release-gate.ts';

/** Where parts go. */
export interface PartSink {
  /** Begins the next part. */
  begin(): Promise<void>;
  add(bytes: Uint8Array): void;
  /** Ends the part that was begun last. */
  end(records: number): void;
}

/**
 * Cuts a stream of records into parts of NDJSON: whole lines, in order, no part over `maxBytes`, none
 * empty. Where a record stands, as part and line, is its ordinal: the same records give the same parts.
 */
export class PartCutter {
  readonly #maxBytes: number;
  readonly #sink: PartSink;
  /** Of the part that is under way; no records, where none is. */
  #records = 0;
  #room = 0;

  constructor(maxBytes: number, sink: PartSink) {
    this.#maxBytes = maxBytes;
    this.#sink = sink;
  }

  /** @throws {PackageError} `package.record_too_large` */
  async take({ bytes, ends }: Pick<ReleasedLines, 'bytes' | 'ends'>): Promise<void> {
    for (let done = 0; done < ends.length; ) {
      const start = ends[done - 1] ?? 0;
      const room = this.#records === 0 ? this.#maxBytes : this.#room;
      let fitting = ends.length;
      while (fitting > done && (ends[fitting - 1] ?? 0) - start > room) fitting -= 1;
      if (fitting > done) {
        const taken = bytes.subarray(start, ends[fitting - 1]);
        if (this.#records === 0) await this.#sink.begin();
        this.#sink.add(taken);
        this.#room = room - taken.length;
        this.#records += fitting - done;
        done = fitting;
      } else if (this.#records === 0) {
        throw new PackageError(
          'package.record_too_large',
          'one record is larger than a part of a package may be',
        );
      } else this.end();
    }
  }

  /** Ends the last part. */
  end(): void {
    if (this.#records === 0) return;
    this.#sink.end(this.#records);
    this.#records = 0;
  }
}

import { isUtf8 } from 'node:buffer';
import { type SourceLine, sourceLimits } from './source.ts';

const newline = 0x0a;
const carriageReturn = 0x0d;

/** A line with its place in bytes. */
export interface SplitLine extends Omit<SourceLine, 'position'> {
  /** Of its first byte. */
  readonly offset: number;
}

/**
 * Cuts a stream of bytes into lines. Holds at most one chunk and one unfinished line; of a line that is too
 * long it holds nothing, and counts on to the newline.
 */
export class LineSplitter {
  readonly #maxBytes: number;
  #pending: Buffer = Buffer.alloc(0);
  /** Offset of `#pending`'s first byte. */
  #base: number;
  /** Offset of the too long line that is being passed over. */
  #skippingFrom: number | undefined;
  /** Bytes of `#pending` known to hold no newline. */
  #searched = 0;

  constructor(offset: number, maxBytes: number = sourceLimits.lineBytes) {
    this.#base = offset;
    this.#maxBytes = maxBytes;
  }

  /** Offset of the first line that was not delivered: where reading goes on after a restart. */
  get nextOffset(): number {
    return this.#skippingFrom ?? this.#base;
  }

  /** Offset of the byte that `push` expects. */
  get endOffset(): number {
    return this.#base + this.#pending.length;
  }

  push(chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
  }

  /** Up to `max` whole lines. */
  take(max: number): SplitLine[] {
    const lines: SplitLine[] = [];
    const bytes = this.#pending;
    const allUtf8 = isUtf8(bytes);
    let start = 0;
    while (lines.length < max) {
      const end = bytes.indexOf(newline, Math.max(start, this.#searched));
      if (end === -1) break;
      lines.push(this.#line(bytes, start, end, allUtf8));
      start = end + 1;
    }
    this.#pending = bytes.subarray(start);
    this.#base += start;
    this.#searched = lines.length < max ? this.#pending.length : 0;
    if (lines.length < max && this.#pending.length > this.#maxBytes) this.#skip();
    return lines;
  }

  /** What stands after the last newline, at the end of something that will not grow any more. */
  takeTail(): SplitLine | undefined {
    if (this.#pending.length === 0 && this.#skippingFrom === undefined) return undefined;
    const bytes = this.#pending;
    const line = this.#line(bytes, 0, bytes.length, isUtf8(bytes));
    this.#base += bytes.length;
    this.#pending = Buffer.alloc(0);
    this.#searched = 0;
    return line;
  }

  #skip(): void {
    this.#skippingFrom ??= this.#base;
    this.#base += this.#pending.length;
    this.#pending = Buffer.alloc(0);
    this.#searched = 0;
  }

  #line(bytes: Buffer, from: number, to: number, knownUtf8: boolean): SplitLine {
    const offset = this.#skippingFrom ?? this.#base + from;
    if (this.#skippingFrom !== undefined || to - from > this.#maxBytes) {
      this.#skippingFrom = undefined;
      return { offset, text: '', problem: 'line.too_long' };
    }
    let start = from;
    // A writer without O_APPEND leaves a hole, read as zeros, in a file that was cut under it.
    while (start < to && bytes[start] === 0) start++;
    const end = to > start && bytes[to - 1] === carriageReturn ? to - 1 : to;
    const text = bytes.toString('utf8', start, end);
    if (knownUtf8 || isUtf8(bytes.subarray(start, end))) return { offset, text };
    return { offset, text, problem: 'line.not_utf8' };
  }
}

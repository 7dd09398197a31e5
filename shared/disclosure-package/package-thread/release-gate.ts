import type { Scope } from '#shared/orders';
import { type EventType, type LineSlice, ReleasedForm } from '#shared/traffic';
import { PackageError } from '../errors.ts';

const lineFeed = 0x0a;
const dayLength = '2026-01-01'.length;

/** What is granted, as far as a line can be held against it. */
export type ReleaseScope = Pick<Scope, 'categories' | 'from' | 'to' | 'collectedUpTo'>;

/** Released records as bytes: whole lines of JSON, in order. */
export interface ReleasedLines {
  readonly bytes: Uint8Array;
  /** Where each line ends in them, after its line feed. */
  readonly ends: readonly number[];
  /** Type of each line's record. */
  readonly types: readonly EventType[];
  /** Where each line's record came from. Lines of one origin that follow each other share the object. */
  readonly origins: readonly RecordOrigin[];
}

export interface RecordOrigin {
  readonly sourceId: string;
  /** Day of collection, UTC: `2026-01-01`. */
  readonly day: string;
}

/**
 * Bytes that are looked at as one text, where lines are no longer: a text that V8 keeps among the short-lived,
 * which cost next to nothing to collect.
 */
const windowBytes = 64 * 1024;

/**
 * Holds lines that the engine wrote against what may leave: each is a released record of the scope's
 * categories and nothing more, and lies in the scope's times and in those of its slice. Targets are matched
 * by the statement alone, as a field that they are matched in need not be among those that are granted.
 *
 * Bytes in canonical form are handed on as they are; another spelling of a valid record (the engine writes
 * U+2028 as an escape) becomes what `JSON.stringify` makes of it.
 */
export class ReleaseGate {
  readonly #form: ReleasedForm;
  readonly #scope: ReleaseScope;

  constructor(scope: ReleaseScope) {
    this.#form = new ReleasedForm(scope.categories);
    this.#scope = scope;
  }

  /**
   * @param bytes whole lines
   * @throws {PackageError} `package.record_invalid`; the line is not quoted
   */
  pass(bytes: Uint8Array, slice: LineSlice): ReleasedLines {
    const { collectedUpTo } = this.#scope;
    const from = slice.from > this.#scope.from ? slice.from : this.#scope.from;
    const to = slice.to < this.#scope.to ? slice.to : this.#scope.to;
    const isInTime = ({ occurredAt, collectedAt }: { occurredAt: string; collectedAt: string }) =>
      occurredAt >= from && occurredAt < to && collectedAt <= collectedUpTo;
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const ends: number[] = [];
    const types: EventType[] = [];
    const origins: RecordOrigin[] = [];
    let origin: RecordOrigin = { sourceId: '', day: '' };
    /** What stands instead of the bytes, where a line was written anew. */
    let rewritten: Buffer[] | null = null;
    let size = 0;
    let text = '';
    let [textFrom, textTo] = [0, 0];
    for (let at = 0; at < buffer.length; ) {
      if (at === textTo) {
        [textFrom, textTo] = [at, windowEnd(buffer, at)];
        text = buffer.toString('latin1', textFrom, textTo);
      }
      const found = this.#form.recognize(text, at - textFrom);
      const end = found === null ? buffer.indexOf(lineFeed, at) + 1 : textFrom + found.end;
      const record = found ?? this.#form.parse(buffer.toString('utf8', at, end));
      if (record === null || end === 0 || !isInTime(record)) {
        throw new PackageError('package.record_invalid', 'a line to be released is not what may be released');
      }
      let length = end - at;
      if (found === null) {
        const line = Buffer.from(`${JSON.stringify(record)}\n`);
        rewritten ??= [buffer.subarray(0, at)];
        rewritten.push(line);
        length = line.length;
      } else rewritten?.push(buffer.subarray(at, end));
      size += length;
      ends.push(size);
      types.push(record.type);
      const [sourceId, day] = [record.sourceId, record.collectedAt.slice(0, dayLength)];
      if (origin.sourceId !== sourceId || origin.day !== day) origin = { sourceId, day };
      origins.push(origin);
      at = end;
    }
    return { bytes: rewritten === null ? buffer : Buffer.concat(rewritten, size), ends, types, origins };
  }
}

/** Where the last line ends that lies within a window's bytes; the first line's end where that is longer. */
function windowEnd(buffer: Buffer, start: number): number {
  const last =
    start + windowBytes >= buffer.length
      ? buffer.length
      : buffer.lastIndexOf(lineFeed, start + windowBytes) + 1;
  if (last > start) return last;
  return buffer.indexOf(lineFeed, start) + 1 || buffer.length;
}

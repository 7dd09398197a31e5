import type { ReleasedLines } from './release-gate.ts';

/*
 * Copies of one event as a rule have one time, lie in one slice, and are left out by its statement. Where a
 * log was read again under another time zone, copies differ in time and may lie in different slices. A Bloom
 * filter of fixed size remembers every event that went by; what it may have seen before is asked of the
 * store. So each event is released once, in memory that hardly grows with their number.
 */

/**
 * Bits of the filter for each event; with nine probes less than one event in ten million is asked for in vain.
 * All probes of an event lie in one block, which is a line of the processor's cache (Putze, Sanders and
 * Singler, Cache-, Hash- and Space-Efficient Bloom Filters, 2007).
 */
const bitsPerEvent = 64;
const [blockBits, blockBitsLog2] = [512, 9];
const wordsPerBlock = blockBits / 32;
const probesPerWord = 3;
const bounds = { leastBits: 2 ** 16, mostBits: 2 ** 29 } as const;

export class EventFilter {
  readonly #words: Uint32Array;
  readonly #blocks: number;

  /** @param expected how many events are to be remembered; more only means that more is asked for */
  constructor(expected: number) {
    const wanted = Math.min(Math.max(expected * bitsPerEvent, bounds.leastBits), bounds.mostBits);
    const bits = 2 ** Math.ceil(Math.log2(wanted));
    this.#words = new Uint32Array(bits / 32);
    this.#blocks = bits / blockBits;
  }

  /**
   * Remembers an event. Its id is the output of a hash function: its first word says which block, and each of
   * the other three gives as many probes of nine bits as it has.
   * @param bytes with the id's 32 hexadecimal digits, in lower case, from `at` on
   * @returns whether it may have been there already; never false where it was
   */
  add(bytes: DataView, at: number): boolean {
    const block = (wordOf(bytes, at) & (this.#blocks - 1)) * wordsPerBlock;
    let wasThere = true;
    for (let part = at + 8; part < at + idLength; part += 8) {
      let bits = wordOf(bytes, part);
      for (let probe = 0; probe < probesPerWord; probe++, bits >>>= blockBitsLog2) {
        if (!this.#set(block, bits & (blockBits - 1))) wasThere = false;
      }
    }
    return wasThere;
  }

  /** @returns whether it was set already */
  #set(block: number, bit: number): boolean {
    const [index, flag] = [block + (bit >>> 5), 1 << (bit & 31)];
    const word = this.#words[index] ?? 0;
    this.#words[index] = word | flag;
    return (word & flag) !== 0;
  }
}

/** 32 bits of eight hexadecimal digits. */
function wordOf(bytes: DataView, at: number): number {
  return (halfOf(bytes.getUint32(at)) << 16) | halfOf(bytes.getUint32(at + 4));
}

/** 16 bits of four digits' codes: all at once, as `a` to `f` have a bit that `0` to `9` have not. */
function halfOf(codes: number): number {
  const digits = (codes & 0x0f0f0f0f) + 9 * ((codes >>> 6) & 0x01010101);
  const pairs = (digits | (digits >>> 4)) & 0x00ff00ff;
  return (pairs | (pairs >>> 8)) & 0xffff;
}

/** What stands before the id in every released line. */
const idAt = '{"schemaVersion":1,"eventId":"'.length;
const idLength = 32;

/**
 * The lines without those of events that went by before.
 * @param seenBefore which of these ids an earlier slice had; asked only about what the filter may have seen
 */
export async function withoutRepeats(
  lines: ReleasedLines,
  filter: EventFilter,
  seenBefore: (ids: readonly string[]) => Promise<ReadonlySet<string>>,
): Promise<ReleasedLines> {
  const bytes = Buffer.from(lines.bytes.buffer, lines.bytes.byteOffset, lines.bytes.byteLength);
  const idOf = (index: number): string => {
    const start = (lines.ends[index - 1] ?? 0) + idAt;
    return bytes.toString('latin1', start, start + idLength);
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const doubtful: number[] = [];
  for (let index = 0, start = 0; index < lines.ends.length; index++) {
    if (filter.add(view, start + idAt)) doubtful.push(index);
    start = lines.ends[index] ?? start;
  }
  if (doubtful.length === 0) return lines;
  const repeated = await seenBefore(doubtful.map(idOf));
  const dropped = new Set(doubtful.filter((index) => repeated.has(idOf(index))));
  return dropped.size === 0 ? lines : without(lines, dropped);
}

function without(
  { bytes, ends, types, origins }: ReleasedLines,
  dropped: ReadonlySet<number>,
): ReleasedLines {
  const kept = ends.map((_, index) => index).filter((index) => !dropped.has(index));
  const pieces = kept.map((index) => bytes.subarray(ends[index - 1] ?? 0, ends[index]));
  let end = 0;
  return {
    bytes: Buffer.concat(pieces),
    ends: pieces.map((piece) => {
      end += piece.length;
      return end;
    }),
    types: kept.flatMap((index) => types[index] ?? []),
    origins: kept.flatMap((index) => origins[index] ?? []),
  };
}

/*
 * Numbers of the tree. Sizes and indices are integers up to 2^53 - 1, so halving and parity are arithmetic:
 * JavaScript's bit operators would cut them at 32 bits.
 */

/** Leaves `start` (first) to `end` (first after), whose Merkle tree hash is meant. */
export interface LeafRange {
  readonly start: number;
  readonly end: number;
}

export const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
export const isOdd = (value: number): boolean => value % 2 === 1;
export const half = (value: number): number => Math.floor(value / 2);

/** The largest power of two below `count`, where a tree of `count` > 1 leaves splits (RFC 6962 2.1). */
export function splitPoint(count: number): number {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}

export function isPowerOfTwo(value: number): boolean {
  let rest = value;
  while (rest > 1 && !isOdd(rest)) rest = half(rest);
  return rest === 1;
}

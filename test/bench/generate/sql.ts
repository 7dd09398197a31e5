/*
 * Pieces of ClickHouse SQL. Everything that is random in generated traffic is a hash: of the seed, of what it
 * is about, and of a name that no other choice has. So the same seed gives the same traffic, whatever part of
 * it is made, in whatever order and on however many threads.
 */

/** 64 bits that follow from an expression and the name of the choice. */
export function bits(of: string, choice: string): string {
  return `sipHash64(${of}, '${choice}')`;
}

/** Uniform in [0, 1). */
export function uniform(of: string, choice: string): string {
  return `(bitShiftRight(${bits(of, choice)}, 11) / 9007199254740992)`;
}

/** Uniform among 0 … n - 1. */
export function among(n: number | string, of: string, choice: string): string {
  return `(${bits(of, choice)} % ${n})`;
}

/** Rank 0 … n - 1, the rank r about 1 / (r + 1) as often as rank 0 (Zipf's law, exponent 1). */
export function zipf(n: number, of: string, choice: string): string {
  return `toUInt64(floor(pow(${n}, ${uniform(of, choice)})) - 1)`;
}

export function literals(values: readonly (string | number)[]): string {
  return `[${values.map((value) => (typeof value === 'number' ? value : `'${value}'`)).join(', ')}]`;
}

/** The value at an index that counts from 0. */
export function pick(values: readonly (string | number)[], index: string): string {
  return `${literals(values)}[1 + (${index})]`;
}

/** The first choice whose share, summed up, is above a uniform number; shares sum up to 1. */
export function byShare(shares: readonly (readonly [value: string, share: number])[], at: string): string {
  let sum = 0;
  const cases = shares.slice(0, -1).map(([value, share]) => {
    sum += share;
    return `${at} < ${sum.toFixed(6)}, ${value}`;
  });
  return `multiIf(${cases.join(', ')}, ${shares.at(-1)?.[0]})`;
}

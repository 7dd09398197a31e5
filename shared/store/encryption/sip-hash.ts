const mask = (1n << 64n) - 1n;
const rotate = (word: bigint, bits: bigint): bigint => ((word << bits) | (word >> (64n - bits))) & mask;

/**
 * SipHash-2-4 as ClickHouse folds it to 128 bits (src/Common/SipHash.h): the four words of the state by two,
 * little-endian. Not the 128-bit output of the paper.
 */
export function sipHash128(key0: bigint, key1: bigint, data: Buffer): Buffer {
  let v0 = 0x736f6d6570736575n ^ key0;
  let v1 = 0x646f72616e646f6dn ^ key1;
  let v2 = 0x6c7967656e657261n ^ key0;
  let v3 = 0x7465646279746573n ^ key1;
  const round = (): void => {
    v0 = (v0 + v1) & mask;
    v1 = rotate(v1, 13n) ^ v0;
    v0 = rotate(v0, 32n);
    v2 = (v2 + v3) & mask;
    v3 = rotate(v3, 16n) ^ v2;
    v0 = (v0 + v3) & mask;
    v3 = rotate(v3, 21n) ^ v0;
    v2 = (v2 + v1) & mask;
    v1 = rotate(v1, 17n) ^ v2;
    v2 = rotate(v2, 32n);
  };
  const take = (word: bigint): void => {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  };
  const whole = data.length - (data.length % 8);
  for (let at = 0; at < whole; at += 8) take(data.readBigUInt64LE(at));
  let last = BigInt(data.length & 0xff) << 56n;
  for (let at = whole; at < data.length; at++) last |= BigInt(data[at] ?? 0) << BigInt(8 * (at - whole));
  take(last);
  v2 ^= 0xffn;
  for (let n = 0; n < 4; n++) round();
  const hash = Buffer.alloc(16);
  hash.writeBigUInt64LE(v0 ^ v1, 0);
  hash.writeBigUInt64LE(v2 ^ v3, 8);
  return hash;
}

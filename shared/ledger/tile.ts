import { type Hash, hashBytes } from './hash.ts';

/** A tile's bytes: its hashes, one after the other. */
export function encodeTile(hashes: readonly Hash[]): Uint8Array {
  return Buffer.concat(hashes);
}

/** @returns null unless the bytes are exactly `width` hashes. */
export function decodeTile(bytes: Uint8Array, width: number): Hash[] | null {
  if (bytes.length !== width * hashBytes) return null;
  return Array.from({ length: width }, (_, i) => bytes.subarray(i * hashBytes, (i + 1) * hashBytes));
}

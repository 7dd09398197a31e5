import { createHash } from 'node:crypto';

/** A SHA-256 hash in the tree: always `hashBytes` long. */
export type Hash = Uint8Array;

export const hashBytes = 32;

const leafPrefix = Uint8Array.of(0x00);
const nodePrefix = Uint8Array.of(0x01);

/** Hash of an entry's exact bytes (RFC 6962 2.1). The prefix keeps an entry from passing for a node. */
export function hashLeaf(entry: Uint8Array): Hash {
  return createHash('sha256').update(leafPrefix).update(entry).digest();
}

/** Hash of two subtrees' roots (RFC 6962 2.1). */
export function hashNode(left: Hash, right: Hash): Hash {
  return createHash('sha256').update(nodePrefix).update(left).update(right).digest();
}

/** Root of the tree without entries: SHA-256 of nothing. */
export const emptyRoot: Hash = createHash('sha256').digest();

/** Root over hashes whose number is a power of two: the perfect subtree that stands on them. */
export function hashPerfect(hashes: readonly Hash[]): Hash {
  let row = hashes;
  while (row.length > 1) {
    const above: Hash[] = [];
    for (let i = 0; i + 1 < row.length; i += 2) {
      const [left, right] = [row[i], row[i + 1]];
      if (left !== undefined && right !== undefined) above.push(hashNode(left, right));
    }
    row = above;
  }
  const [root] = row;
  if (root === undefined) throw new RangeError('a perfect subtree has at least one hash');
  return root;
}

/** Hashes of any other length are refused wherever they come from outside: a shorter one proves nothing. */
export function isHash(value: Uint8Array): boolean {
  return value.length === hashBytes;
}

/** Compares public values; nothing here is secret, so time does not matter. */
export function equalHashes(a: Hash, b: Hash): boolean {
  return Buffer.compare(a, b) === 0;
}

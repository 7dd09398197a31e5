import { emptyRoot, type Hash, hashNode } from './hash.ts';

/** A perfect subtree of a tree's right edge. */
export interface Peak {
  /** A power of two. */
  readonly leaves: number;
  readonly hash: Hash;
}

/**
 * A tree as its perfect subtrees, the largest first: with them the root of every further leaf costs a few
 * hashes, where the tiles of a `RightEdge` would be hashed anew.
 */
export type Peaks = readonly Peak[];

export function addLeaf(peaks: Peaks, leafHash: Hash): Peaks {
  const next = [...peaks];
  let carry: Peak = { leaves: 1, hash: leafHash };
  for (let left = next.at(-1); left?.leaves === carry.leaves; left = next.at(-1)) {
    next.pop();
    carry = { leaves: 2 * carry.leaves, hash: hashNode(left.hash, carry.hash) };
  }
  return [...next, carry];
}

/** Merkle tree hash of the whole tree (RFC 6962 2.1): its perfect subtrees folded from the right. */
export function rootOfPeaks(peaks: Peaks): Hash {
  const hashes = peaks.map(({ hash }) => hash);
  return hashes.length === 0 ? emptyRoot : hashes.reduceRight((right, left) => hashNode(left, right));
}

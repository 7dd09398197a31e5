import { equalHashes, type Hash, hashNode, isHash } from './hash.ts';
import { half, isCount, isOdd, isPowerOfTwo, type LeafRange, splitPoint } from './ranges.ts';

/**
 * The subtrees whose hashes prove that the tree of `first` leaves is the beginning of the tree of `second`
 * leaves (RFC 6962 2.1.2). Empty where both are one tree.
 */
export function consistencyPath(first: number, second: number): LeafRange[] {
  if (!isCount(first) || !isCount(second) || first < 1 || first > second) {
    throw new RangeError('a consistency proof needs 1 <= first <= second');
  }
  const path: LeafRange[] = [];
  let [start, end] = [0, second];
  while (first < end) {
    const middle = start + splitPoint(end - start);
    if (first <= middle) {
      path.push({ start: middle, end });
      end = middle;
    } else {
      path.push({ start, end: middle });
      start = middle;
    }
  }
  // Where the walk ended at the old tree's own root, the verifier has that hash already.
  if (start !== 0) path.push({ start, end });
  return path.reverse();
}

export interface ConsistencyClaim {
  readonly first: number;
  readonly second: number;
  readonly firstRoot: Hash;
  readonly secondRoot: Hash;
  readonly proof: readonly Hash[];
}

/**
 * Whether the proof shows that the first tree is the beginning of the second (RFC 9162 2.1.4.2). False for
 * any bad input, and for a first size of zero: every tree extends the empty one, so such a proof says nothing.
 */
export function verifyConsistency(claim: ConsistencyClaim): boolean {
  const { first, second, firstRoot, secondRoot, proof } = claim;
  if (!isCount(first) || !isCount(second) || first < 1 || first > second) return false;
  if (![firstRoot, secondRoot, ...proof].every(isHash)) return false;
  if (first === second) return proof.length === 0 && equalHashes(firstRoot, secondRoot);
  if (proof.length === 0) return false;

  const [seed, ...rest] = isPowerOfTwo(first) ? [firstRoot, ...proof] : proof;
  if (seed === undefined) return false;
  let [node, last] = [first - 1, second - 1];
  while (isOdd(node)) [node, last] = [half(node), half(last)];
  let [oldHash, newHash] = [seed, seed];
  for (const hash of rest) {
    if (last === 0) return false;
    if (isOdd(node) || node === last) {
      oldHash = hashNode(hash, oldHash);
      newHash = hashNode(hash, newHash);
      while (!isOdd(node) && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      newHash = hashNode(newHash, hash);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && equalHashes(oldHash, firstRoot) && equalHashes(newHash, secondRoot);
}

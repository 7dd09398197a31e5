import { equalHashes, type Hash, hashLeaf, hashNode } from '../../../shared/ledger/hash.ts';

/*
 * A second, slow reading of RFC 6962 2.1: straight recursion over all leaves. The ledger's arithmetic is
 * held against it.
 */

export const leavesOf = (count: number): Hash[] =>
  Array.from({ length: count }, (_, i) => hashLeaf(Buffer.from(`entry ${i}`)));

export function slowRoot(leaves: readonly Hash[]): Hash {
  const [only] = leaves;
  if (only === undefined) throw new RangeError('no leaves');
  if (leaves.length === 1) return only;
  const k = 2 ** Math.ceil(Math.log2(leaves.length) - 1);
  return hashNode(slowRoot(leaves.slice(0, k)), slowRoot(leaves.slice(k)));
}

export const same = (a: Hash, b: Hash): boolean => equalHashes(a, b);

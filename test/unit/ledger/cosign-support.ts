import type { Hash } from '#shared/ledger';
import { signCheckpoint } from '../../../shared/ledger/checkpoint.ts';
import { consistencyPath } from '../../../shared/ledger/consistency-proof.ts';
import { emptyRoot } from '../../../shared/ledger/hash.ts';
import type { NoteSigner } from '../../../shared/ledger/note-key.ts';
import { slowRoot } from './trees.ts';

/** A signed checkpoint over these leaves, and proofs between their beginnings. */
export function treeOf(leaves: readonly Hash[], signer: NoteSigner) {
  const rootOf = (count: number) => (count === 0 ? emptyRoot : slowRoot(leaves.slice(0, count)));
  return {
    checkpoint: (size: number) => signCheckpoint(size, rootOf(size), signer),
    proof: (first: number, second: number): Hash[] =>
      first === 0 || first === second
        ? []
        : consistencyPath(first, second).map(({ start, end }) => slowRoot(leaves.slice(start, end))),
  };
}

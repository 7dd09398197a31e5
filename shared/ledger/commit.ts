import { type SignedCheckpoint, signCheckpoint } from './checkpoint.ts';
import { encodeBundle } from './entry-bundle.ts';
import { hashLeaf } from './hash.ts';
import type { NoteSigner } from './note-key.ts';
import { type LedgerState, movedHead } from './recover.ts';
import { edgeRoot, growEdge } from './right-edge.ts';
import type { LedgerFile, LedgerStorage } from './storage.ts';
import { encodeTile } from './tile.ts';
import { tilePath, tileSpan } from './tile-path.ts';

/*
 * The order of writes, in this one place. There is one writer, which holds the lock.
 *
 *  1. stage     entry bundles and hash tiles of the new tree, each durable under its final path. Nobody
 *               reads them: no checkpoint of that size exists.
 *  2. sign      the new tree's head, in memory.
 *  3. commit    compare-and-swap of the committed head, durable. From here on the tree has grown, and
 *               whatever happens it never shrinks or forks.
 *  4. publish   the same bytes as `checkpoint`, durable. Outsiders see the new size.
 *  5. answer    the callers. An entry that was acknowledged is in the published tree.
 *  6. tidy      partial tiles whose full tile is now public. Failing at it harms nothing; a start tries again.
 *
 * Cut off before 3: the old head stands, what was staged is removed at the next start (`recover.ts`). Cut
 * off after 3: the new head stands, the next start publishes it. A checkpoint is shown only after it was
 * committed durably, so no reader can have seen a head that a loss of power takes back.
 */

/** Most entries of one commit. At most one tile boundary lies in it, which `recover` relies on. */
export const maxCommitEntries = tileSpan;

export interface PreparedCommit {
  readonly state: LedgerState;
  readonly files: readonly LedgerFile[];
  /** Full tiles among the files: their partial ones can go once these are public. */
  readonly completed: readonly string[];
}

/** Works out steps 1 and 2 without touching anything. */
export function prepareCommit(
  { head, edge: oldEdge, bundle: oldBundle }: LedgerState,
  entries: readonly Uint8Array[],
  signer: NoteSigner,
): PreparedCommit {
  if (entries.length > maxCommitEntries) throw new RangeError('a commit crosses one tile boundary at most');
  const { edge, tiles } = growEdge(oldEdge, entries.map(hashLeaf));
  const files: LedgerFile[] = tiles.map((tile) => ({ path: tilePath(tile), bytes: encodeTile(tile.hashes) }));
  const completed = tiles.filter(({ width }) => width === tileSpan).map(tilePath);

  const index = Math.floor(head.size / tileSpan);
  const pending = [...oldBundle, ...entries];
  const bundles = [pending.slice(0, tileSpan), pending.slice(tileSpan)].filter(({ length }) => length > 0);
  for (const [i, bundle] of bundles.entries()) {
    const path = tilePath({ level: 'entries', index: index + i, width: bundle.length });
    files.push({ path, bytes: encodeBundle(bundle) });
    if (bundle.length === tileSpan) completed.push(path);
  }
  const bundle = pending.length >= tileSpan ? pending.slice(tileSpan) : pending;
  const signed: SignedCheckpoint = signCheckpoint(edge.size, edgeRoot(edge), signer);
  return { state: { head: signed, edge, bundle }, files, completed };
}

/**
 * Steps 3 and 4. Where it throws, the new head may or may not have been committed: `recover` finds out.
 * @throws LedgerError `ledger.lock_lost` where the head is not the one that the commit was prepared on.
 */
export async function commitHead(
  storage: LedgerStorage,
  from: SignedCheckpoint,
  to: SignedCheckpoint,
): Promise<void> {
  const next = Buffer.from(to.note);
  if (!(await storage.swapCommitted(Buffer.from(from.note), next))) throw movedHead();
  await storage.publish(next);
}

/** Step 6. */
export async function removePartials(storage: LedgerStorage, completed: readonly string[]): Promise<void> {
  for (const path of completed) {
    const widths = await storage.partialWidths(path);
    await storage.remove(widths.map((width) => `${path}.p/${width}`));
  }
}

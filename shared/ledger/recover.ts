import { decodeUtf8 } from './base64.ts';
import { openCheckpoint, type SignedCheckpoint, signCheckpoint } from './checkpoint.ts';
import { decodeBundle } from './entry-bundle.ts';
import { LedgerError } from './errors.ts';
import { emptyRoot, equalHashes, type Hash } from './hash.ts';
import type { NoteSigner } from './note-key.ts';
import { edgeRoot, edgeTiles } from './right-edge.ts';
import { checkpointPath, type LedgerStorage } from './storage.ts';
import { decodeTile } from './tile.ts';
import { type TileName, tilePath, tileSpan } from './tile-path.ts';
import { createTreeReader, entriesMatch, type TreeTip } from './tree-reader.ts';

/** What a writer knows of its tree. Values are replaced, never changed. */
export interface LedgerState extends TreeTip {
  readonly head: SignedCheckpoint;
}

/**
 * Brings storage to one state after whatever happened, and reads that state. Needs the lock. The order of
 * writes that it relies on is in `commit.ts`.
 *
 * - Nothing there: a log of size 0 is committed and published.
 * - The committed head is the tree. What was staged beyond it was never acknowledged, and is removed.
 * - A published checkpoint that is behind the committed head is brought up to it.
 *
 * @throws LedgerError `ledger.corrupt` or `ledger.wrong_key` where files contradict what was signed: these
 * are not repaired, for every repair would be a guess.
 */
export async function recover(storage: LedgerStorage, signer: NoteSigner): Promise<LedgerState> {
  const committed = await storage.readCommitted();
  const published = await storage.read(checkpointPath);
  if (committed === undefined) {
    if (published !== undefined) {
      throw corrupt(
        'There is a checkpoint, but the committed head is missing: restore it from the same backup.',
      );
    }
    return start(storage, signer);
  }
  const head = openOwn(committed, signer, 'committed head');
  const tip = await readTip(storage, head);
  const state = { head, ...tip };
  const behind = await isBehind(storage, signer, state, published);
  await removeLeftovers(storage, head.size);
  if (behind) {
    // Committed again before it is shown: the crash may have come before the folder entry was durable.
    if (!(await storage.swapCommitted(committed, committed))) throw movedHead();
    await storage.publish(committed);
  }
  return state;
}

/** Somebody else wrote although this process had the lock. */
export function movedHead(): LedgerError {
  return new LedgerError('ledger.lock_lost', 'Another process moved the head of this ledger.');
}

async function start(storage: LedgerStorage, signer: NoteSigner): Promise<LedgerState> {
  const first: TileName = { level: 'entries', index: 0, width: tileSpan };
  const widths = await storage.partialWidths(tilePath(first));
  if (widths.length > 0 || (await storage.read(tilePath(first))) !== undefined) {
    throw corrupt('There are entries, but neither a committed head nor a checkpoint.');
  }
  const head = signCheckpoint(0, emptyRoot, signer);
  const bytes = Buffer.from(head.note);
  if (!(await storage.swapCommitted(undefined, bytes))) throw movedHead();
  await storage.publish(bytes);
  return { head, edge: { size: 0, levels: [] }, bundle: [] };
}

function openOwn(bytes: Uint8Array, signer: NoteSigner, what: string): SignedCheckpoint {
  const verifiers = [signer, ...(signer.also ? [signer.also] : [])].map(({ verifier }) => verifier);
  const opened = openCheckpoint(decodeUtf8(bytes) ?? '', verifiers);
  if (opened.ok) return opened.checkpoint;
  if (opened.reason === 'note.unsigned' || opened.reason === 'checkpoint.not_by_log') {
    throw new LedgerError('ledger.wrong_key', `The ledger's ${what} was signed by another key or origin.`);
  }
  throw corrupt(`The ledger's ${what} is damaged (${opened.reason}).`);
}

/** The right edge and last entries of the tree that was committed; checked against its root. */
export async function readTip(storage: LedgerStorage, head: SignedCheckpoint): Promise<TreeTip> {
  const levels: Hash[][] = [];
  for (const name of edgeTiles(head.size)) {
    const bytes = name.width === 0 ? new Uint8Array() : await storage.read(tilePath(name));
    const hashes = bytes === undefined ? null : decodeTile(bytes, name.width);
    if (hashes === null) throw corrupt(`The ledger's file ${tilePath(name)} is missing or cut.`);
    levels.push(hashes);
  }
  const edge = { size: head.size, levels };
  if (!equalHashes(edgeRoot(edge), head.root)) {
    throw corrupt(`The tiles at the end of the tree of ${head.size} entries do not have the signed root.`);
  }
  const width = head.size % tileSpan;
  if (width === 0) return { edge, bundle: [] };
  const path = tilePath({ level: 'entries', index: Math.floor(head.size / tileSpan), width });
  const bytes = await storage.read(path);
  const bundle = bytes === undefined ? null : decodeBundle(bytes, width);
  if (bundle === null || !entriesMatch(bundle, levels[0] ?? [])) {
    throw corrupt(`The ledger's file ${path} is missing or not what was signed.`);
  }
  return { edge, bundle };
}

async function isBehind(
  storage: LedgerStorage,
  signer: NoteSigner,
  { head, ...tip }: LedgerState,
  bytes: Uint8Array | undefined,
): Promise<boolean> {
  if (bytes === undefined) return true;
  const published = openOwn(bytes, signer, 'checkpoint');
  if (published.size > head.size) {
    throw corrupt(
      'The published checkpoint is ahead of the committed head: an older backup was restored over it.',
    );
  }
  const rootThen =
    published.size === 0
      ? emptyRoot
      : await createTreeReader(storage, tip).rangeHash({ start: 0, end: published.size });
  if (!equalHashes(rootThen, published.root)) {
    throw corrupt('The published checkpoint is of another tree than the committed head.');
  }
  return published.size < head.size;
}

/**
 * Removes what was staged beyond the head, and partial tiles whose full tile is there. A commit crosses at
 * most one boundary between tiles, so leftovers are near the edge.
 */
async function removeLeftovers(storage: LedgerStorage, size: number): Promise<void> {
  const levels = Math.max(1, edgeTiles(size).length);
  const edges: TileName[] = [
    { level: 'entries', index: Math.floor(size / tileSpan), width: size % tileSpan },
  ];
  // One level more than the tree has: the commit that was cut off may have begun it.
  for (let level = 0; level <= levels; level++) {
    const hashes = Math.floor(size / tileSpan ** level);
    edges.push({ level, index: Math.floor(hashes / tileSpan), width: hashes % tileSpan });
  }
  const leftovers: string[] = [];
  for (const { level, index, width } of edges) {
    leftovers.push(tilePath({ level, index, width: tileSpan }));
    const partials = async (at: number, above: number) => {
      const widths = await storage.partialWidths(tilePath({ level, index: at, width: tileSpan }));
      const stale = widths.filter((found) => found > above);
      leftovers.push(...stale.map((found) => tilePath({ level, index: at, width: found })));
    };
    await partials(index, width);
    await partials(index + 1, 0);
    if (index > 0) await partials(index - 1, 0);
  }
  await storage.remove(leftovers);
}

function corrupt(message: string): LedgerError {
  return new LedgerError('ledger.corrupt', message);
}

import { decodeUtf8 } from './base64.ts';
import { type Checkpoint, openCheckpoint, type SignedCheckpoint } from './checkpoint.ts';
import { decodeBundle } from './entry-bundle.ts';
import { emptyRoot, equalHashes, type Hash, hashLeaf } from './hash.ts';
import type { NoteVerifier } from './note-key.ts';
import { edgeRoot, edgeTiles, emptyEdge, growEdge, type RightEdge } from './right-edge.ts';
import { checkpointPath, type LedgerReader } from './storage.ts';
import { decodeTile } from './tile.ts';
import { type TileName, tilePath, tileSpan, tileWidthAt } from './tile-path.ts';

/** More problems than this add nothing to the finding that the log is not what was signed. */
const maxProblems = 100;

export type LogProblemCode =
  | 'checkpoint.missing'
  | 'checkpoint.invalid'
  | 'bundle.missing'
  | 'bundle.malformed'
  | 'tile.missing'
  | 'tile.malformed'
  | 'tile.differs'
  | 'entry.differs'
  | 'root.differs'
  | 'log.shrunk'
  | 'log.forked';

export interface LogProblem {
  readonly code: LogProblemCode;
  /** For a person; names files and indices, never what an entry says. */
  readonly sentence: string;
}

export interface LogReport {
  readonly ok: boolean;
  readonly origin: string;
  /** The signed checkpoint that was verified against; null where it could not be opened. */
  readonly checkpoint: SignedCheckpoint | null;
  /** Of the signed checkpoint; 0 where that could not be opened. */
  readonly size: number;
  /** As computed from the entries. */
  readonly root: Hash;
  /** Witnesses among the given verifiers, with the times (seconds since the epoch) that they vouch for. */
  readonly witnesses: readonly { readonly name: string; readonly time: number }[];
  /** `earlier`: kept checkpoints that the log was found to extend. */
  readonly checked: { readonly entries: number; readonly tiles: number; readonly earlier: number };
  /** In the order found; at most 100. */
  readonly problems: readonly LogProblem[];
}

export interface VerifyLogOptions {
  /** The log's key or keys, and any witnesses'. They come from elsewhere than the log's own folder. */
  readonly verifiers: readonly NoteVerifier[];
  /**
   * Checkpoints that the auditor kept, opened, in any order. The log must extend every one of them; this
   * finds a log that was cut or written anew by somebody who has its key.
   */
  readonly earlier?: readonly Checkpoint[];
  /**
   * Called with the entries of every bundle, in their order and cut to the checkpoint's size: what is read
   * by somebody else is what was hashed. Not called for a bundle that is lost or none.
   * @param first index of the first of them
   */
  readonly onEntries?: (entries: readonly Uint8Array[], first: number) => Promise<void> | void;
  /** Called after every bundle with the number of entries read so far. */
  readonly onProgress?: (entries: number, size: number) => void;
}

/**
 * Checks a log from its public files alone: recomputes the whole tree from the entries, compares every hash
 * tile with it, and the root with the signed checkpoint. Memory stays flat: one bundle and the tree's edge.
 * @returns what was found; rejects only where `reader` does.
 */
export async function verifyLog(reader: LedgerReader, options: VerifyLogOptions): Promise<LogReport> {
  const { verifiers, earlier = [], onEntries, onProgress } = options;
  const problems: LogProblem[] = [];
  const checked = { entries: 0, tiles: 0, earlier: 0 };
  const found = (code: LogProblemCode, sentence: string) => {
    if (problems.length < maxProblems) problems.push({ code, sentence });
  };

  const note = await reader.read(checkpointPath);
  const opened = openCheckpoint(note === undefined ? '' : (decodeUtf8(note) ?? ''), verifiers);
  if (!opened.ok) {
    if (note === undefined) found('checkpoint.missing', 'There is no checkpoint.');
    else found('checkpoint.invalid', `The checkpoint is not one of this log's (${opened.reason}).`);
    const nothing = { origin: '', checkpoint: null, size: 0, root: emptyRoot, witnesses: [] };
    return { ok: false, ...nothing, checked, problems };
  }
  const { origin, size, root: signedRoot } = opened.checkpoint;

  /** Compares a hash tile with what the entries give. Returns the stored hashes where they can be read. */
  async function checkTile(
    name: TileName,
    expected: readonly Hash[] | null,
  ): Promise<readonly Hash[] | null> {
    const path = tilePath(name);
    const stored = await readPart(reader, name);
    if (stored === undefined) {
      found('tile.missing', `Tile ${path} is missing.`);
      return null;
    }
    const hashes = decodeTile(stored.bytes, stored.width)?.slice(0, name.width) ?? null;
    if (hashes === null) {
      found('tile.malformed', `Tile ${path} has not the length of ${stored.width} hashes.`);
      return null;
    }
    checked.tiles++;
    const differs = expected?.findIndex((hash, i) => !equalHashes(hash, hashes[i] ?? emptyRoot)) ?? -1;
    if (differs >= 0) {
      const [code, what] =
        name.level === 0
          ? (['entry.differs', `entry ${name.index * tileSpan + differs}`] as const)
          : (['tile.differs', `hash ${differs} of the tiles below it`] as const);
      found(code, `Tile ${path} and ${what} do not agree; one of them was changed.`);
    }
    return hashes;
  }

  async function readEntries(index: number, width: number): Promise<readonly Uint8Array[] | null> {
    const path = tilePath({ level: 'entries', index, width });
    const stored = await readPart(reader, { level: 'entries', index, width });
    if (stored === undefined) {
      found('bundle.missing', `Entry bundle ${path} is missing.`);
      return null;
    }
    const entries = decodeBundle(stored.bytes, stored.width);
    if (entries === null) {
      found('bundle.malformed', `Entry bundle ${path} has not exactly ${stored.width} entries.`);
      return null;
    }
    return entries.slice(0, width);
  }

  function checkEarlier(before: RightEdge, leaves: readonly Hash[]): void {
    for (const { size: then, root } of earlier) {
      if (then <= before.size || then > before.size + leaves.length) continue;
      const { edge } = growEdge(before, leaves.slice(0, then - before.size));
      if (equalHashes(edgeRoot(edge), root)) checked.earlier++;
      else found('log.forked', `The first ${then} entries are not those of the earlier checkpoint.`);
    }
  }

  for (const kept of earlier) {
    if (kept.size <= size && kept.origin === origin) {
      // Every log extends the empty one.
      if (kept.size === 0) checked.earlier++;
      continue;
    }
    found(
      'log.shrunk',
      `The log has ${size} entries, and does not extend the earlier checkpoint of ${kept.size}.`,
    );
  }
  let edge = emptyEdge;
  while (edge.size < size && problems.length < maxProblems) {
    const index = edge.size / tileSpan;
    const width = tileWidthAt(0, index, size);
    const entries = await readEntries(index, width);
    const leaves = entries?.map(hashLeaf) ?? null;
    const stored = await checkTile({ level: 0, index, width }, leaves);
    // Where a bundle is lost, its tile still lets the rest of the tree be checked.
    const hashes = leaves ?? stored;
    if (hashes === null) break;
    checkEarlier(edge, hashes);
    if (entries !== null) await onEntries?.(entries, edge.size);
    const grown = growEdge(edge, hashes);
    for (const tile of grown.tiles) {
      if (tile.level > 0 && tile.width === tileSpan) await checkTile(tile, tile.hashes);
    }
    edge = grown.edge;
    if (leaves !== null) checked.entries += leaves.length;
    onProgress?.(edge.size, size);
  }
  if (edge.size === size) {
    for (const tile of edgeTiles(size)) {
      if (tile.level > 0 && tile.width > 0) await checkTile(tile, edge.levels[tile.level] ?? []);
    }
    if (!equalHashes(edgeRoot(edge), signedRoot)) {
      found('root.differs', `The ${size} entries do not have the root that was signed.`);
    }
  }
  return {
    ok: problems.length === 0,
    origin,
    checkpoint: opened.checkpoint,
    size,
    root: edgeRoot(edge),
    witnesses: opened.cosignatures.map(({ verifier, time = 0 }) => ({ name: verifier.name, time })),
    checked,
    problems,
  };
}

/** A partial tile or bundle, or the full one in its place: a log may have dropped the partial one since. */
async function readPart(
  reader: LedgerReader,
  name: TileName,
): Promise<{ readonly bytes: Uint8Array; readonly width: number } | undefined> {
  for (const width of new Set([name.width, tileSpan])) {
    const bytes = await reader.read(tilePath({ ...name, width }));
    if (bytes !== undefined) return { bytes, width };
  }
  return undefined;
}

import { decodeBundle } from './entry-bundle.ts';
import { LedgerError } from './errors.ts';
import { equalHashes, type Hash, hashLeaf, hashNode, hashPerfect } from './hash.ts';
import { isPowerOfTwo, type LeafRange, splitPoint } from './ranges.ts';
import type { RightEdge } from './right-edge.ts';
import type { LedgerReader } from './storage.ts';
import { decodeTile } from './tile.ts';
import { tilePath, tileSpan } from './tile-path.ts';

/** A tree's right edge with the entries of its partial bundle: what a writer keeps in memory. */
export interface TreeTip {
  readonly edge: RightEdge;
  /** The last `size mod 256` entries. */
  readonly bundle: readonly Uint8Array[];
}

/** Reads a tree from storage that need not be trusted. */
export interface TreeReader {
  /** Entries of bundle `index`. */
  bundle(index: number): Promise<readonly Uint8Array[]>;
  /** Merkle tree hash of a range that a proof names. */
  rangeHash(range: LeafRange): Promise<Hash>;
}

/**
 * A reader that believes the tip and nothing else. The tip's root is signed; a full tile must hash to what
 * the tile above it says, and that one likewise, up to the tip; a bundle must hash to its tile. So a byte
 * that was changed on disk is an error wherever it is read, not only in an audit.
 *
 * Its methods throw LedgerError `ledger.corrupt`, naming the file.
 */
export function createTreeReader(reader: LedgerReader, { edge, bundle }: TreeTip): TreeReader {
  /** The last tile of each level: proofs and scans ask for the same ones again and again. */
  const cache = new Map<number, { readonly index: number; readonly hashes: readonly Hash[] }>();

  async function tile(level: number, index: number): Promise<readonly Hash[]> {
    const edgeIndex = Math.floor(edge.size / tileSpan ** (level + 1));
    if (index === edgeIndex) return edge.levels[level] ?? [];
    if (index > edgeIndex) throw new RangeError('this tile is outside the tree');
    const cached = cache.get(level);
    if (cached?.index === index) return cached.hashes;
    const path = tilePath({ level, index, width: tileSpan });
    const hashes = decodeTile(await required(reader, path), tileSpan);
    const parent = (await tile(level + 1, Math.floor(index / tileSpan)))[index % tileSpan];
    if (hashes === null || parent === undefined || !equalHashes(hashPerfect(hashes), parent)) {
      throw corrupt(path);
    }
    cache.set(level, { index, hashes });
    return hashes;
  }

  /** Root of `count` leaves from `start`: a power of two, and aligned. */
  async function perfectHash(start: number, count: number): Promise<Hash> {
    let level = 0;
    while (tileSpan ** (level + 1) <= count) level++;
    const span = tileSpan ** level;
    const first = start / span;
    const hashes = await tile(level, Math.floor(first / tileSpan));
    const offset = first % tileSpan;
    return hashPerfect(hashes.slice(offset, offset + count / span));
  }

  async function rangeHash({ start, end }: LeafRange): Promise<Hash> {
    const count = end - start;
    if (isPowerOfTwo(count)) return perfectHash(start, count);
    const middle = start + splitPoint(count);
    return hashNode(await rangeHash({ start, end: middle }), await rangeHash({ start: middle, end }));
  }

  return {
    rangeHash,
    bundle: async (index) => {
      if (index === Math.floor(edge.size / tileSpan)) return bundle;
      const path = tilePath({ level: 'entries', index, width: tileSpan });
      const entries = decodeBundle(await required(reader, path), tileSpan);
      const hashes = await tile(0, index);
      if (entries === null || !entriesMatch(entries, hashes)) throw corrupt(path);
      return entries;
    },
  };
}

/** Whether the entries are those that the tile's hashes stand for. */
export function entriesMatch(entries: readonly Uint8Array[], hashes: readonly Hash[]): boolean {
  return (
    entries.length === hashes.length &&
    entries.every((entry, i) => equalHashes(hashLeaf(entry), hashes[i] ?? new Uint8Array()))
  );
}

async function required(reader: LedgerReader, path: string): Promise<Uint8Array> {
  const bytes = await reader.read(path);
  if (bytes === undefined) throw new LedgerError('ledger.corrupt', `The ledger's file ${path} is missing.`);
  return bytes;
}

function corrupt(path: string): LedgerError {
  return new LedgerError('ledger.corrupt', `The ledger's file ${path} is not what was signed.`);
}

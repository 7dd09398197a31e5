import { type Hash, hashPerfect } from './hash.ts';
import { type Peak, type Peaks, rootOfPeaks } from './peaks.ts';
import { type TileName, tileSpan } from './tile-path.ts';

/**
 * The part of the tree that still grows: of every level, the hashes of its one partial tile. With it the
 * root and every new tile can be computed, so it is all that a writer or a checker keeps in memory.
 */
export interface RightEdge {
  /** Number of leaves. */
  readonly size: number;
  /** Per tile level, 0 to 255 hashes. */
  readonly levels: readonly (readonly Hash[])[];
}

export const emptyEdge: RightEdge = { size: 0, levels: [] };

export interface GrownTile extends TileName {
  readonly level: number;
  readonly hashes: readonly Hash[];
}

/**
 * Adds leaves.
 * @returns the new edge and every tile that it needs and the old one did not have: the ones that became
 * full, and the partial ones in which something changed.
 */
export function growEdge(edge: RightEdge, leaves: readonly Hash[]): { edge: RightEdge; tiles: GrownTile[] } {
  const levels = edge.levels.map((hashes) => [...hashes]);
  const changed = new Set<number>();
  const tiles: GrownTile[] = [];
  let size = edge.size;
  for (const leaf of leaves) {
    size++;
    let carry: Hash | undefined = leaf;
    for (let level = 0; carry !== undefined; level++) {
      const hashes: Hash[] = levels[level] ?? [];
      levels[level] = hashes;
      hashes.push(carry);
      changed.add(level);
      if (hashes.length < tileSpan) break;
      tiles.push({ level, index: size / tileSpan ** (level + 1) - 1, width: tileSpan, hashes });
      levels[level] = [];
      carry = hashPerfect(hashes);
    }
  }
  for (const level of changed) {
    const hashes = levels[level] ?? [];
    if (hashes.length === 0) continue;
    const index = Math.floor(size / tileSpan ** (level + 1));
    tiles.push({ level, index, width: hashes.length, hashes });
  }
  return { edge: { size, levels }, tiles };
}

/** The perfect subtrees that the whole tree is made of. */
export function edgePeaks(edge: RightEdge): Peaks {
  const peaks: Peak[] = [];
  for (const [level, hashes] of [...edge.levels.entries()].reverse()) {
    let start = 0;
    for (let span = tileSpan / 2; span >= 1; span /= 2) {
      if (hashes.length - start < span) continue;
      const hash = hashPerfect(hashes.slice(start, start + span));
      peaks.push({ leaves: span * tileSpan ** level, hash });
      start += span;
    }
  }
  return peaks;
}

/** Merkle tree hash of the whole tree. */
export function edgeRoot(edge: RightEdge): Hash {
  return rootOfPeaks(edgePeaks(edge));
}

/** The partial tiles that make up the edge of a tree of `size` leaves, lowest level first. */
export function edgeTiles(size: number): (TileName & { readonly level: number })[] {
  const tiles: (TileName & { readonly level: number })[] = [];
  for (let level = 0; tileSpan ** level <= size; level++) {
    const hashes = Math.floor(size / tileSpan ** level);
    tiles.push({ level, index: Math.floor(hashes / tileSpan), width: hashes % tileSpan });
  }
  return tiles;
}

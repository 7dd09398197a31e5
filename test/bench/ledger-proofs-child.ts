import { hashLeaf, verifyConsistency, verifyInclusion } from '#shared/ledger';
import { consistencyPath } from '../../shared/ledger/consistency-proof.ts';
import { type Hash, hashBytes, hashNode } from '../../shared/ledger/hash.ts';
import { inclusionPath } from '../../shared/ledger/inclusion-proof.ts';
import { edgeRoot, edgeTiles } from '../../shared/ledger/right-edge.ts';
import { encodeTile } from '../../shared/ledger/tile.ts';
import { parseTilePath, tileSpan } from '../../shared/ledger/tile-path.ts';
import { createTreeReader } from '../../shared/ledger/tree-reader.ts';

/*
 * Child process of the benchmark: proofs for random entries of a simulated ledger of any size. Its entries
 * are all alike, so that every tile follows from its level; what a proof costs does not depend on that,
 * reading from a disk left out. Arguments: number of entries, number of proofs.
 */

const [size = 0, count = 0] = process.argv.slice(2).map(Number);

/** By tile level: the hash of a full subtree of 256^level entries. */
const ofLevel: Hash[] = [hashLeaf(Buffer.from('as all others'))];
for (let level = 1; level < 6; level++) {
  let hash = ofLevel[level - 1] ?? new Uint8Array();
  for (let width = 1; width < tileSpan; width *= 2) hash = hashNode(hash, hash);
  ofLevel.push(hash);
}
const row = (level: number, width: number): Hash[] => Array(width).fill(ofLevel[level]);
const tiles = ofLevel.map((_, level) => encodeTile(row(level, tileSpan)));
let tilesRead = 0;
const files = {
  read: async (path: string) => {
    tilesRead++;
    const level = parseTilePath(path)?.level;
    return typeof level === 'number' ? tiles[level] : undefined;
  },
};
const edge = { size, levels: edgeTiles(size).map(({ level, width }) => row(level, width)) };
const [root, leafHash] = [edgeRoot(edge), ofLevel[0] ?? new Uint8Array()];

/** Deterministic, spread over the whole tree. */
const pick = (n: number, below: number): number => Math.floor(((n * 0.618_033_988_75) % 1) * below);
/** Processor time, in microseconds: work beside it counts less than in time that passes. */
const spent = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

async function make(path: ReturnType<typeof inclusionPath>): Promise<Hash[]> {
  // As the service answers each: nothing is remembered from one proof to the next.
  const reader = createTreeReader(files, { edge, bundle: [] });
  const hashes: Hash[] = [];
  for (const range of path) hashes.push(await reader.rangeHash(range));
  return hashes;
}

async function measure(
  pathOf: (n: number) => ReturnType<typeof inclusionPath>,
  verify: (n: number, proof: Hash[]) => boolean,
) {
  const proofs: Hash[][] = [];
  tilesRead = 0;
  const making = spent();
  for (let n = 0; n < count; n++) proofs.push(await make(pathOf(n)));
  const makeMicros = (spent() - making) / count;
  const verifying = spent();
  const verified = proofs.filter((proof, n) => verify(n, proof)).length;
  const verifyMicros = (spent() - verifying) / count;
  if (verified !== count) throw new Error('a proof did not verify');
  const bytes = proofs.map(({ length }) => length * hashBytes);
  return {
    makeMicros,
    verifyMicros,
    tiles: tilesRead / count,
    bytes: bytes.reduce((sum, each) => sum + each, 0) / count,
    mostBytes: Math.max(...bytes),
  };
}

const inclusion = await measure(
  (n) => inclusionPath(pick(n, size), size),
  (n, proof) => verifyInclusion({ index: pick(n, size), size, leafHash, root, proof }),
);
const firstOf = (n: number): number => 1 + pick(n, size);
/** The root of the first so many entries, which all are alike. */
const rootOf = async (first: number): Promise<Hash> =>
  first === size ? root : createTreeReader(files, { edge, bundle: [] }).rangeHash({ start: 0, end: first });
const roots: Hash[] = [];
for (let n = 0; n < count; n++) roots.push(await rootOf(firstOf(n)));
const consistency = await measure(
  (n) => consistencyPath(firstOf(n), size),
  (n, proof) =>
    verifyConsistency({
      first: firstOf(n),
      second: size,
      firstRoot: roots[n] ?? root,
      secondRoot: root,
      proof,
    }),
);
process.stdout.write(`${JSON.stringify({ inclusion, consistency })}\n`);

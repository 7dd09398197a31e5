import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emptyRoot, type Hash, hashLeaf, verifyConsistency, verifyInclusion } from '#shared/ledger';
import { consistencyPath } from '../../../shared/ledger/consistency-proof.ts';
import { inclusionPath } from '../../../shared/ledger/inclusion-proof.ts';
import { edgeRoot, emptyEdge, growEdge } from '../../../shared/ledger/right-edge.ts';
import { leavesOf, slowRoot } from './trees.ts';

const leaves = leavesOf(600);
const rootAt = (size: number) => slowRoot(leaves.slice(0, size));
const hashesOf = (ranges: readonly { start: number; end: number }[]) =>
  ranges.map(({ start, end }) => slowRoot(leaves.slice(start, end)));

/** One bit of one hash turned over. */
const flip = (hash: Hash, bit: number): Hash => {
  const copy = Uint8Array.from(hash);
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
};

const inclusion = fc
  .tuple(fc.integer({ min: 1, max: 600 }), fc.nat(599))
  .map(([size, at]) => ({ size, index: at % size }))
  .map(({ size, index }) => ({
    index,
    size,
    leafHash: leaves[index] ?? emptyRoot,
    root: rootAt(size),
    proof: hashesOf(inclusionPath(index, size)),
  }));

const consistency = fc
  .tuple(fc.integer({ min: 1, max: 600 }), fc.nat(599))
  .map(([second, at]) => ({ first: 1 + (at % second), second }))
  .map(({ first, second }) => ({
    first,
    second,
    firstRoot: rootAt(first),
    secondRoot: rootAt(second),
    proof: hashesOf(consistencyPath(first, second)),
  }));

describe('the Merkle tree', () => {
  it('has SHA-256 of nothing as the root of no entries', () => {
    expect(Buffer.from(emptyRoot).toString('hex')).toBe(
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    );
    expect(edgeRoot(emptyEdge)).toEqual(emptyRoot);
  });

  // The reference inputs and roots of Certificate Transparency, as in transparency-dev/merkle/testonly.
  const reference: readonly (readonly [entry: string, rootOfSoMany: string])[] = [
    ['', '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'],
    ['00', 'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125'],
    ['10', 'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77'],
    ['2021', 'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7'],
    ['3031', '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4'],
    ['40414243', '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef'],
    ['5051525354555657', 'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c'],
    ['606162636465666768696a6b6c6d6e6f', '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328'],
  ];

  it('has the published roots', () => {
    const entries = reference.map(([entry]) => hashLeaf(Buffer.from(entry, 'hex')));
    for (const [i, [, root]] of reference.entries()) {
      const { edge } = growEdge(emptyEdge, entries.slice(0, i + 1));
      expect(Buffer.from(edgeRoot(edge)).toString('hex')).toBe(root);
    }
  });

  it('has the same root grown in any steps as computed by the definition', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 256 }), { minLength: 1, maxLength: 4 }), (steps) => {
        let edge = emptyEdge;
        const many = leavesOf(steps.reduce((sum, step) => sum + step, 0));
        for (const step of steps) edge = growEdge(edge, many.slice(edge.size, edge.size + step)).edge;
        expect(Buffer.compare(edgeRoot(edge), slowRoot(many))).toBe(0);
      }),
      { numRuns: 30 },
    );
  });

  it('has the right root and tiles beyond the second level, at 65,536 entries and around it', () => {
    const many = leavesOf(65_800);
    let edge = emptyEdge;
    const tiles = new Set<string>();
    while (edge.size < many.length) {
      const grown = growEdge(edge, many.slice(edge.size, edge.size + 100));
      edge = grown.edge;
      for (const tile of grown.tiles) tiles.add(`${tile.level}/${tile.index}/${tile.width}`);
      if ([65_500, 65_600, 65_800].includes(edge.size)) {
        expect(Buffer.compare(edgeRoot(edge), slowRoot(many.slice(0, edge.size)))).toBe(0);
      }
    }
    expect(tiles).toContain('0/255/256');
    expect(tiles).toContain('1/0/256');
    expect(tiles).toContain('2/0/1');
    expect(tiles).toContain('0/257/8');
    expect(tiles).toContain('1/1/1');
  });
});

describe('an inclusion proof', () => {
  it('verifies for every entry of every small tree', () => {
    for (let size = 1; size <= 40; size++) {
      for (let index = 0; index < size; index++) {
        const proof = hashesOf(inclusionPath(index, size));
        const leafHash = leaves[index] ?? emptyRoot;
        expect(verifyInclusion({ index, size, leafHash, root: rootAt(size), proof })).toBe(true);
      }
    }
  });

  it('verifies, and no longer does once anything in it is changed', () => {
    fc.assert(
      fc.property(inclusion, fc.nat(), fc.nat(255), (claim, pick, bit) => {
        expect(verifyInclusion(claim)).toBe(true);
        const at = pick % Math.max(1, claim.proof.length);
        const broken = [
          { ...claim, leafHash: flip(claim.leafHash, bit) },
          { ...claim, root: flip(claim.root, bit) },
          { ...claim, proof: [...claim.proof, emptyRoot] },
          { ...claim, proof: [emptyRoot, ...claim.proof] },
          { ...claim, index: -1 },
          { ...claim, index: claim.size },
          { ...claim, index: claim.index + 0.5 },
          { ...claim, size: Number.MAX_SAFE_INTEGER + 1 },
          { ...claim, size: 0 },
          { ...claim, leafHash: claim.leafHash.subarray(1) },
          { ...claim, root: Buffer.concat([claim.root, Uint8Array.of(0)]) },
        ];
        const first = claim.proof[at];
        if (first !== undefined) {
          broken.push(
            { ...claim, proof: claim.proof.with(at, flip(first, bit)) },
            { ...claim, proof: claim.proof.toSpliced(at, 1) },
            { ...claim, proof: claim.proof.with(at, first.subarray(0, 31)) },
          );
        }
        if (claim.size > 1) broken.push({ ...claim, index: claim.index === 0 ? 1 : claim.index - 1 });
        for (const claimed of broken) expect(verifyInclusion(claimed)).toBe(false);
      }),
      { numRuns: 150 },
    );
  });

  it('does not verify at any other index of the same tree', () => {
    for (const size of [2, 7, 8, 33]) {
      for (let index = 0; index < size; index++) {
        const proof = hashesOf(inclusionPath(index, size));
        const leafHash = leaves[index] ?? emptyRoot;
        for (let other = 0; other < size; other++) {
          expect(verifyInclusion({ index: other, size, leafHash, root: rootAt(size), proof })).toBe(
            other === index,
          );
        }
      }
    }
  });

  it('does its arithmetic beyond 32 bits', () => {
    const size = 2 ** 40 + 3;
    expect(inclusionPath(2 ** 40 + 1, size)).toEqual([
      { start: 2 ** 40, end: 2 ** 40 + 1 },
      { start: 2 ** 40 + 2, end: 2 ** 40 + 3 },
      { start: 0, end: 2 ** 40 },
    ]);
    const leafHash = leaves[0] ?? emptyRoot;
    const proof = [leaves[1] ?? emptyRoot, leaves[2] ?? emptyRoot, leaves[3] ?? emptyRoot];
    const root = slowRoot([
      proof[2] ?? emptyRoot,
      slowRoot([slowRoot([proof[0] ?? emptyRoot, leafHash]), proof[1] ?? emptyRoot]),
    ]);
    expect(verifyInclusion({ index: 2 ** 40 + 1, size, leafHash, root, proof })).toBe(true);
    expect(verifyInclusion({ index: 1, size, leafHash, root, proof })).toBe(false);
  });
});

describe('a consistency proof', () => {
  it('verifies between any two small trees', () => {
    for (let second = 1; second <= 40; second++) {
      for (let first = 1; first <= second; first++) {
        const proof = hashesOf(consistencyPath(first, second));
        const claim = { first, second, firstRoot: rootAt(first), secondRoot: rootAt(second), proof };
        expect(verifyConsistency(claim)).toBe(true);
      }
    }
  });

  it('verifies, and no longer does once anything in it is changed', () => {
    fc.assert(
      fc.property(consistency, fc.nat(), fc.nat(255), (claim, pick, bit) => {
        expect(verifyConsistency(claim)).toBe(true);
        const at = pick % Math.max(1, claim.proof.length);
        const broken = [
          { ...claim, firstRoot: flip(claim.firstRoot, bit) },
          { ...claim, secondRoot: flip(claim.secondRoot, bit) },
          { ...claim, proof: [...claim.proof, emptyRoot] },
          { ...claim, first: 0 },
          { ...claim, first: claim.second + 1 },
          { ...claim, firstRoot: claim.firstRoot.subarray(1) },
        ];
        const hash = claim.proof[at];
        if (hash !== undefined) {
          broken.push(
            { ...claim, proof: claim.proof.with(at, flip(hash, bit)) },
            { ...claim, proof: claim.proof.toSpliced(at, 1) },
            { ...claim, proof: [] },
            { ...claim, firstRoot: claim.secondRoot, secondRoot: claim.firstRoot },
          );
        }
        for (const claimed of broken) expect(verifyConsistency(claimed)).toBe(false);
      }),
      { numRuns: 150 },
    );
  });

  it('never verifies from an empty tree: it would say nothing', () => {
    const secondRoot = rootAt(3);
    expect(verifyConsistency({ first: 0, second: 3, firstRoot: emptyRoot, secondRoot, proof: [] })).toBe(
      false,
    );
    expect(
      verifyConsistency({ first: 0, second: 0, firstRoot: emptyRoot, secondRoot: emptyRoot, proof: [] }),
    ).toBe(false);
  });
});

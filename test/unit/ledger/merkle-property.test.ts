import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ConsistencyClaim,
  createLedger,
  createNoteSigner,
  generateNoteKey,
  type Hash,
  hashLeaf,
  type InclusionClaim,
  openCheckpoint,
  parseReceipt,
  verifyConsistency,
  verifyInclusion,
  verifyReceipt,
} from '#shared/ledger';
import { createMemoryStorage } from '#shared/ledger-storage';
import { signCheckpoint } from '../../../shared/ledger/checkpoint.ts';
import { consistencyPath } from '../../../shared/ledger/consistency-proof.ts';
import { hashNode } from '../../../shared/ledger/hash.ts';
import { inclusionPath } from '../../../shared/ledger/inclusion-proof.ts';
import { type LeafRange, splitPoint } from '../../../shared/ledger/ranges.ts';
import { entriesOf } from '../../support/ledger-entries.ts';

/*
 * Every proof of random trees verifies, and none does that was changed: any hash of it, the leaf, a root, an
 * index, a size, or the note that states size and root. Trees are of any size up to 2^53 - 1: all leaves but a
 * few are alike, so that a subtree's hash follows from how many leaves it has.
 *
 * ROUNDS (default 100) is how many trees.
 */

const numRuns = Number(process.env.ROUNDS ?? 100);
const common = hashLeaf(Buffer.from('as all others'));

/** A tree whose leaves at some places are unlike all others. */
function treeOf(
  seed: number,
  odd: readonly number[],
): { leaf(index: number): Hash; hash(range: LeafRange): Hash } {
  const places = [...new Set(odd)].sort((a, b) => a - b);
  const alike = new Map<number, Hash>();
  const leaf = (index: number): Hash =>
    places.includes(index) ? hashLeaf(Buffer.from(`${seed} ${index}`)) : common;
  function hash({ start, end }: LeafRange): Hash {
    const count = end - start;
    if (count === 1) return leaf(start);
    const isAlike = !places.some((place) => start <= place && place < end);
    const known = isAlike ? alike.get(count) : undefined;
    if (known !== undefined) return known;
    const middle = start + splitPoint(count);
    const made = hashNode(hash({ start, end: middle }), hash({ start: middle, end }));
    if (isAlike) alike.set(count, made);
    return made;
  }
  return { leaf, hash };
}

const size = fc.oneof(
  fc.integer({ min: 1, max: 70 }),
  fc.integer({ min: 1, max: 70_000 }),
  fc
    .integer({ min: 0, max: 52 })
    .chain((power) => fc.integer({ min: -1, max: 1 }).map((by) => Math.max(1, 2 ** power + by))),
  fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
);
/** A share of a size: 0 up to and without 1. */
const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const at = (part: number, count: number): number => Math.min(count - 1, Math.floor(part * count));

function flip(hash: Hash, bit: number): Hash {
  const copy = Uint8Array.from(hash);
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}

/** Everything that can be done to a proof's hashes without making them others by chance. */
function changed(proof: readonly Hash[], bit: number): (readonly Hash[])[] {
  const all: (readonly Hash[])[] = [
    [...proof, common],
    [common, ...proof],
  ];
  for (const [i, hash] of proof.entries()) {
    all.push(proof.with(i, flip(hash, bit)), proof.toSpliced(i, 1), proof.toSpliced(i, 0, hash));
    all.push(proof.with(i, hash.subarray(1)), proof.with(i, Buffer.concat([hash, Uint8Array.of(0)])));
    const next = proof[i + 1];
    if (next !== undefined && Buffer.compare(hash, next) !== 0)
      all.push(proof.with(i, next).with(i + 1, hash));
  }
  return all;
}

const noSizes = [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER + 1];

/**
 * On which side the hashes of an inclusion proof are taken. A proof says no more of a size than this, and so
 * stands for every size of the same form: the size is what the log signs beside the root.
 */
function inclusionForm(index: number, count: number): string {
  return inclusionPath(index, count)
    .map(({ start }) => (start > index ? 'R' : 'L'))
    .join('');
}

/** The same for a consistency proof: where the old tree's hash begins, and the sides from there. */
function consistencyForm(first: number, second: number): string {
  const path = consistencyPath(first, second);
  const isOwnSeed = path.length > 0 && 2 ** Math.floor(Math.log2(first)) === first;
  const seedEnd = isOwnSeed ? first : path[0]?.end;
  const rest = isOwnSeed ? path : path.slice(1);
  const sides = rest.map(({ start }) => (start >= (seedEnd ?? 0) ? 'R' : 'L'));
  return `${path.length === 0 ? 'same' : isOwnSeed ? 'root' : 'hash'} ${sides.join('')}`;
}

describe('proofs over random trees', () => {
  it('inclusion: every one verifies, and none with a hash, the leaf, the root or the index changed', () => {
    fc.assert(
      fc.property(size, share, share, fc.nat(255), fc.nat(), (count, part, otherPart, bit, seed) => {
        const index = at(part, count);
        const tree = treeOf(seed, [index]);
        const claim: InclusionClaim = {
          index,
          size: count,
          leafHash: tree.leaf(index),
          root: tree.hash({ start: 0, end: count }),
          proof: inclusionPath(index, count).map(tree.hash),
        };
        expect(verifyInclusion(claim)).toBe(true);
        const broken: InclusionClaim[] = [
          ...changed(claim.proof, bit).map((proof) => ({ ...claim, proof })),
          { ...claim, leafHash: flip(claim.leafHash, bit) },
          { ...claim, leafHash: common },
          { ...claim, root: flip(claim.root, bit) },
          ...[...noSizes, count, count + 1].map((wrong) => ({ ...claim, index: wrong })),
          ...[...noSizes, 0, index].map((wrong) => ({ ...claim, size: wrong })),
        ];
        for (const wrong of [at(otherPart, count), index - 1, index + 1, 0, count - 1]) {
          if (wrong !== index) broken.push({ ...claim, index: wrong });
        }
        for (const wrong of broken) expect(verifyInclusion(wrong)).toBe(false);
      }),
      { numRuns },
    );
  });

  it('inclusion: with another size exactly where that takes the same hashes on the same sides', () => {
    fc.assert(
      fc.property(size, size, share, fc.nat(), (count, other, part, seed) => {
        const index = at(part, count);
        const tree = treeOf(seed, [index]);
        const proof = inclusionPath(index, count).map(tree.hash);
        const root = tree.hash({ start: 0, end: count });
        const form = inclusionForm(index, count);
        for (const wrong of [other, count - 1, count + 1, count * 2].filter(Number.isSafeInteger)) {
          if (wrong <= index) continue;
          expect(verifyInclusion({ index, size: wrong, leafHash: tree.leaf(index), root, proof })).toBe(
            inclusionForm(index, wrong) === form,
          );
        }
      }),
      { numRuns },
    );
  });

  it('consistency: every one verifies, and none with a hash or a root changed, or from a tree that was another', () => {
    fc.assert(
      fc.property(size, share, share, fc.nat(255), fc.nat(), (second, part, oddPart, bit, seed) => {
        const first = 1 + at(part, second);
        // One leaf of the old tree and one of all: so neither root can be taken for another's.
        const tree = treeOf(seed, [at(oddPart, first), at(oddPart, second)]);
        const claim: ConsistencyClaim = {
          first,
          second,
          firstRoot: tree.hash({ start: 0, end: first }),
          secondRoot: tree.hash({ start: 0, end: second }),
          proof: consistencyPath(first, second).map(tree.hash),
        };
        expect(verifyConsistency(claim)).toBe(true);
        const rewritten = treeOf(seed + 1, [at(oddPart, first)]).hash({ start: 0, end: first });
        const broken: ConsistencyClaim[] = [
          ...changed(claim.proof, bit).map((proof) => ({ ...claim, proof })),
          { ...claim, firstRoot: flip(claim.firstRoot, bit) },
          { ...claim, secondRoot: flip(claim.secondRoot, bit) },
          { ...claim, firstRoot: rewritten },
          ...[...noSizes, 0, second + 1].map((wrong) => ({ ...claim, first: wrong })),
          ...[...noSizes, first - 1].map((wrong) => ({ ...claim, second: wrong })),
        ];
        if (first !== second)
          broken.push({ ...claim, firstRoot: claim.secondRoot, secondRoot: claim.firstRoot });
        for (const wrong of broken) expect(verifyConsistency(wrong)).toBe(false);
      }),
      { numRuns },
    );
  });

  it('consistency: with other sizes exactly where these take the same hashes on the same sides', () => {
    fc.assert(
      fc.property(size, size, share, share, fc.nat(), (second, otherSecond, part, otherPart, seed) => {
        const first = 1 + at(part, second);
        const tree = treeOf(seed, [first - 1, at(otherPart, second)]);
        const proof = consistencyPath(first, second).map(tree.hash);
        const roots = {
          firstRoot: tree.hash({ start: 0, end: first }),
          secondRoot: tree.hash({ start: 0, end: second }),
        };
        const form = consistencyForm(first, second);
        const others = [
          [first, otherSecond],
          [first, second + 1],
          [first + 1, second],
          [first - 1, second],
          [1 + at(otherPart, second), second],
          [first * 2, second * 2],
        ] as const;
        for (const [a, b] of others) {
          if (a < 1 || a > b || !Number.isSafeInteger(b)) continue;
          const verified = verifyConsistency({ first: a, second: b, ...roots, proof });
          const sameTree = a === b && Buffer.compare(roots.firstRoot, roots.secondRoot) === 0;
          expect(verified).toBe(a === b ? sameTree && proof.length === 0 : consistencyForm(a, b) === form);
        }
      }),
      { numRuns },
    );
  });
});

describe('what the log signs of a tree', () => {
  const signer = createNoteSigner('log.example/griffie', generateNoteKey());
  const known = [signer.verifier];

  it('a receipt of any entry verifies, and none with its index, a hash, the size, the root or the note changed', async () => {
    const entries = entriesOf(300);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 300 }),
        share,
        fc.nat(255),
        fc.integer({ min: 1, max: 300 }),
        async (count, part, bit, other) => {
          const ledger = await createLedger({ storage: createMemoryStorage(), signer });
          for (let from = 0; from < count; from += 256) {
            await ledger.append(entries.slice(from, Math.min(count, from + 256)));
          }
          const index = at(part, count);
          const receipt = await ledger.inclusionReceipt(index);
          const { extra = Buffer.of(), proof = [], checkpointNote = '' } = parseReceipt(receipt) ?? {};
          expect(verifyReceipt(receipt, extra, known)).toMatchObject({ ok: true, index });

          const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
          const root = ledger.checkpoint().root;
          const broken = [
            receipt.replace(`\nindex ${index}\n`, `\nindex ${other - 1 === index ? other : other - 1}\n`),
            receipt.replace(`\n${count}\n`, `\n${other === count ? other + 1 : other}\n`),
            receipt.replace(base64(root), base64(flip(root, bit))),
            receipt.replace('log.example/griffie\n', 'log.example/other\n'),
            ...proof.map((hash) => receipt.replace(base64(hash), base64(flip(hash, bit)))),
            ...proof.map((hash) => receipt.replace(`${base64(hash)}\n`, '')),
          ];
          for (const wrong of broken) {
            expect(wrong).not.toBe(receipt);
            expect(verifyReceipt(wrong, extra, known).ok).toBe(false);
          }
          // Signed by the log itself, and of another tree.
          const elsewhere = signCheckpoint(count, flip(root, bit), signer);
          expect(verifyReceipt(receipt.replace(checkpointNote, elsewhere.note), extra, known).ok).toBe(false);
          await ledger.close();
        },
      ),
      { numRuns: 60 },
    );
  });

  it('a checkpoint of any tree opens, and not with any character of it another one', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: Number.MAX_SAFE_INTEGER - 1 }),
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.nat(),
        fc.constantFrom(...'0123456789abzAZ+/=\n — .'),
        (count, root, pick, character) => {
          const { note } = signCheckpoint(count + 1, root, signer);
          expect(openCheckpoint(note, known)).toMatchObject({ ok: true, checkpoint: { size: count + 1 } });
          const place = pick % note.length;
          const other = note.slice(0, place) + character + note.slice(place + 1);
          if (other !== note) expect(openCheckpoint(other, known).ok).toBe(false);
        },
      ),
      { numRuns },
    );
  });
});

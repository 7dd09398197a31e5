import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { verifyConsistency, verifyInclusion } from '#shared/ledger';

/*
 * The probes of transparency-dev/merkle. The subtree folders are about proofs of ranges that start anywhere;
 * those that start at 0 are ordinary proofs, and an inclusion in an aligned subtree is one in a tree of its
 * own. The rest has no counterpart here and is counted as such.
 */

const folder = join(
  process.env.GRIFFIE_VECTORS ?? join(import.meta.dirname, '../../../../shared/vectors'),
  'merkle',
);
const absent = !existsSync(folder);
const note = absent ? ' (skipped: no vectors folder)' : '';

const base64 = z
  .string()
  .nullable()
  .transform((text) => Buffer.from(text ?? '', 'base64'));
const common = {
  proof: z
    .array(base64)
    .nullable()
    .transform((proof) => proof ?? []),
  wantErr: z.boolean(),
};
const size = z.number();
const inclusionProbe = z.object({ ...common, leafIdx: size, treeSize: size, root: base64, leafHash: base64 });
const consistencyProbe = z.object({ ...common, size1: size, size2: size, root1: base64, root2: base64 });
const subInclusionProbe = z.object({
  ...common,
  leafIdx: size,
  start: size,
  end: size,
  root: base64,
  leafHash: base64,
});
const subConsistencyProbe = z.object({
  ...common,
  start: size,
  end: size,
  size,
  root1: base64,
  root2: base64,
});

function probes<T>(kind: string, schema: z.ZodType<T>): { name: string; probe: T }[] {
  const files = readdirSync(join(folder, kind), { recursive: true, encoding: 'utf8' });
  return files
    .filter((name) => name.endsWith('.json'))
    .map((name) => ({
      name,
      probe: schema.parse(JSON.parse(readFileSync(join(folder, kind, name), 'utf8'))),
    }));
}

describe.skipIf(absent)(`the probes of transparency-dev/merkle${note}`, () => {
  it('inclusion: every valid proof verifies and every broken one fails', () => {
    const all = probes('inclusion', inclusionProbe);
    expect(all.length).toBeGreaterThan(90);
    for (const { name, probe } of all) {
      const { leafIdx: index, treeSize, leafHash, root, proof, wantErr } = probe;
      expect(verifyInclusion({ index, size: treeSize, leafHash, root, proof }), name).toBe(!wantErr);
    }
  });

  it('consistency: the same, except that roots which are no SHA-256 hashes are refused', () => {
    const all = probes('consistency', consistencyProbe);
    expect(all.length).toBeGreaterThan(90);
    const refused: string[] = [];
    for (const { name, probe } of all) {
      const { size1: first, size2: second, root1: firstRoot, root2: secondRoot, proof, wantErr } = probe;
      const verified = verifyConsistency({ first, second, firstRoot, secondRoot, proof });
      if (!wantErr && firstRoot.length !== 32) refused.push(name);
      expect(verified, name).toBe(!wantErr && firstRoot.length === 32);
    }
    expect(refused).toEqual(['additional/sizes-are-equal-one-and-proof-is-empty.json']);
  });

  it('inclusion in subtrees: valid ones verify as in a tree of their own, broken ones fail', () => {
    let unlike = 0;
    for (const { name, probe } of probes('subtreeinclusion', subInclusionProbe)) {
      const { leafIdx, start, end, leafHash, root, proof, wantErr } = probe;
      const count = end - start;
      const aligned = count > 0 && start % 2 ** Math.ceil(Math.log2(count)) === 0;
      if (!aligned) {
        unlike++;
        expect(wantErr, name).toBe(true);
        continue;
      }
      expect(verifyInclusion({ index: leafIdx - start, size: count, leafHash, root, proof }), name).toBe(
        !wantErr,
      );
    }
    expect(unlike).toBeLessThan(60);
  });

  it('consistency of subtrees that start at 0: as consistency of trees', () => {
    const all = probes('subtreeconsistency', subConsistencyProbe).filter(({ probe }) => probe.start === 0);
    expect(all.length).toBeGreaterThan(60);
    for (const { name, probe } of all) {
      const { end: first, size: second, root1: firstRoot, root2: secondRoot, proof, wantErr } = probe;
      // Not SHA-256, or from nothing: refused here whatever the probe allows.
      const refused = first < 1 || firstRoot.length !== 32 || secondRoot.length !== 32;
      const verified = verifyConsistency({ first, second, firstRoot, secondRoot, proof });
      expect(verified, name).toBe(!wantErr && !refused);
    }
  });
});

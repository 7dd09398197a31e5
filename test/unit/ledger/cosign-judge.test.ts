import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Checkpoint,
  createNoteSigner,
  formatAddCheckpoint,
  generateNoteKey,
  type Hash,
  hashLeaf,
  judgeCheckpoint,
  parseAddCheckpoint,
} from '#shared/ledger';
import { treeOf } from './cosign-support.ts';
import { leavesOf } from './trees.ts';

const log = createNoteSigner('log.example/griffie', generateNoteKey());
const other = createNoteSigner('log.example/griffie', generateNoteKey());
const elsewhere = createNoteSigner('elsewhere.example/log', generateNoteKey());
const logs = [log.verifier];
const tree = treeOf(leavesOf(40), log);
const forkAt = (size: number) => treeOf([...leavesOf(size), ...leavesOf(40 - size).map(hashLeaf)], log);

const requestOf = (
  oldSize: number,
  size: number,
  of = tree,
  proof: readonly Hash[] = of.proof(oldSize, size),
) => formatAddCheckpoint({ oldSize, proof, checkpointNote: of.checkpoint(size).note });
const judge = (body: string, latest: Checkpoint | null = null) => judgeCheckpoint(body, logs, () => latest);

describe('a request to a witness', () => {
  it('is read as it was written', () => {
    const body = requestOf(5, 17);
    const parsed = parseAddCheckpoint(body);
    expect(parsed?.oldSize).toBe(5);
    expect(parsed && formatAddCheckpoint(parsed)).toBe(body);
  });

  it('of C2SP’s example is read', () => {
    const parsed = parseAddCheckpoint(
      'old 20852014\nPlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\njrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n\nexample.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n',
    );
    expect(parsed).toMatchObject({ oldSize: 20_852_014, proof: [expect.anything(), expect.anything()] });
    expect(parsed?.checkpointNote).toMatch(/^example\.com\/behind-the-sofa\n/);
  });

  it.each([
    ['no old size', requestOf(0, 3).replace('old 0', 'size 0')],
    ['a leading zero', requestOf(0, 3).replace('old 0', 'old 00')],
    ['a negative size', requestOf(0, 3).replace('old 0', 'old -1')],
    ['a short hash', requestOf(5, 17).replace('\n', '\nAAAA\n')],
    [
      '64 hashes',
      requestOf(
        0,
        3,
        tree,
        Array.from({ length: 64 }, () => Buffer.alloc(32)),
      ),
    ],
    ['carriage returns', requestOf(5, 17).replaceAll('\n', '\r\n')],
    ['no checkpoint', 'old 0\n'],
    ['nothing', ''],
  ])('with %s is refused as malformed', (_, body) => {
    expect(judge(body)).toEqual({ ok: false, reason: 'witness.malformed' });
  });
});

describe('a witness', () => {
  it('cosigns the first checkpoint of a log that it follows, and what extends it', () => {
    expect(judge(requestOf(0, 3)).ok).toBe(true);
    expect(judge(requestOf(3, 17), tree.checkpoint(3)).ok).toBe(true);
    expect(judge(requestOf(17, 17), tree.checkpoint(17)).ok).toBe(true);
    expect(judge(requestOf(0, 0)).ok).toBe(true);
    expect(judge(requestOf(0, 9), tree.checkpoint(0)).ok).toBe(true);
  });

  it('follows no other log, and believes no other key of that name', () => {
    const unknown = treeOf(leavesOf(40), elsewhere).checkpoint(3).note;
    const body = (checkpointNote: string) => formatAddCheckpoint({ oldSize: 0, proof: [], checkpointNote });
    expect(judge(body(unknown))).toEqual({ ok: false, reason: 'witness.unknown_log' });
    const forged = treeOf(leavesOf(40), other).checkpoint(3).note;
    expect(judge(body(forged))).toEqual({ ok: false, reason: 'witness.not_by_log' });
    // A foreign signature beside the log's own harms nothing.
    const line = forged.slice(forged.indexOf('\n\n') + 2);
    expect(judge(body(tree.checkpoint(3).note + line)).ok).toBe(true);
  });

  it('tells the size it knows where the request begins at another', () => {
    const conflict = { ok: false, reason: 'witness.other_size', knownSize: 17 };
    expect(judge(requestOf(3, 20), tree.checkpoint(17))).toEqual(conflict);
    expect(judge(requestOf(0, 20), tree.checkpoint(17))).toEqual(conflict);
    expect(judge(requestOf(3, 12), tree.checkpoint(17))).toEqual(conflict);
    expect(judge(requestOf(3, 12))).toEqual({ ...conflict, knownSize: 0 });
  });

  it('refuses an old size above the checkpoint’s as malformed', () => {
    const body = requestOf(12, 20).replace('old 12', 'old 21');
    expect(judge(body, tree.checkpoint(12))).toEqual({ ok: false, reason: 'witness.malformed' });
  });

  it('refuses a second tree of the size that it knows, with the proof of the fork', () => {
    const fork = forkAt(10);
    const found = judge(requestOf(17, 17, fork), tree.checkpoint(17));
    expect(found).toMatchObject({ ok: false, reason: 'witness.forked', knownSize: 17 });
    expect(found.ok || found.checkpoint?.note).toBe(fork.checkpoint(17).note);
  });

  it('refuses whatever does not extend what it cosigned: every fork, and every changed proof', () => {
    const size = fc.integer({ min: 1, max: 39 });
    fc.assert(
      fc.property(size, size, fc.nat(39), fc.nat(), fc.nat(31), (a, b, forkedAt, hash, byte) => {
        const [first, second] = [Math.min(a, b), Math.max(a, b)];
        if (first === second) return;
        const latest = tree.checkpoint(first);
        const fork = forkAt(Math.min(forkedAt, first - 1));
        for (const proof of [fork.proof(first, second), tree.proof(first, second)]) {
          expect(judge(requestOf(first, second, fork, proof), latest).ok).toBe(false);
        }
        const proof = tree.proof(first, second).map((each) => Uint8Array.from(each));
        const changed = proof[hash % proof.length] ?? new Uint8Array();
        changed[byte] = (changed[byte] ?? 0) ^ 1;
        const bad = { ok: false, reason: 'witness.bad_proof' };
        expect(judge(requestOf(first, second, tree, proof), latest)).toEqual(bad);
        expect(judge(requestOf(first, second, tree, proof.slice(1)), latest)).toEqual(bad);
        expect(judge(requestOf(first, second, tree, [...proof, latest.root]), latest)).toEqual(bad);
      }),
      { numRuns: 300 },
    );
    // Where nothing is to be proven, a proof is too much.
    expect(judge(requestOf(0, 5, tree, [tree.checkpoint(3).root])).ok).toBe(false);
    expect(judge(requestOf(5, 5, tree, [tree.checkpoint(3).root]), tree.checkpoint(5)).ok).toBe(false);
  });

  it('never cosigns two checkpoints that do not extend each other, whatever it is asked and in whatever order', () => {
    const asked = fc.array(
      fc.record({
        oldSize: fc.integer({ min: 0, max: 20 }),
        size: fc.integer({ min: 0, max: 20 }),
        forkedAt: fc.integer({ min: 0, max: 20 }),
        honest: fc.boolean(),
      }),
      { maxLength: 60 },
    );
    let cosignedInAll = 0;
    fc.assert(
      fc.property(asked, (requests) => {
        const cosigned: Checkpoint[] = [];
        for (const { oldSize, size, forkedAt, honest } of requests) {
          const of = honest ? tree : forkAt(forkedAt);
          const latest = cosigned.at(-1) ?? null;
          const from = honest ? (latest?.size ?? 0) : oldSize;
          if (from > size) continue;
          const judged = judge(requestOf(from, size, of), latest);
          if (judged.ok) cosigned.push(judged.checkpoint);
        }
        // The last tree decides what the history is; each one before it must be its beginning.
        const histories = [tree, ...Array.from({ length: 21 }, (_, at) => forkAt(at))];
        const agrees = (history: ReturnType<typeof treeOf>) =>
          cosigned.every(({ size, root }) => Buffer.compare(history.checkpoint(size).root, root) === 0);
        expect(histories.some(agrees)).toBe(true);
        expect(cosigned.map(({ size }) => size)).toEqual(
          cosigned.map(({ size }) => size).sort((a, b) => a - b),
        );
        cosignedInAll += cosigned.length;
      }),
      { numRuns: 60 },
    );
    expect(cosignedInAll).toBeGreaterThan(60);
  });
});

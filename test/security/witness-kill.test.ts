import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createNoteSigner,
  formatAddCheckpoint,
  formatCheckpoint,
  generateNoteKey,
  hashLeaf,
  openNote,
} from '#shared/ledger';
import { startWitnessProcess } from '../integration/witness/process.ts';
import { isBuilt } from '../support/griffie-process.ts';
import { treeOf } from '../unit/ledger/cosign-support.ts';
import { leavesOf } from '../unit/ledger/trees.ts';

/* Real witnesses, killed for real. ROUNDS (default 12) is how often. Needs the build (`npm test` makes it). */

const rounds = Number(process.env.ROUNDS ?? 12);
const log = createNoteSigner('log.example/griffie', generateNoteKey());
/** A log that shows two histories, both signed with its own key. */
const leaves = 400;
const histories = [
  treeOf(leavesOf(leaves), log),
  treeOf([...leavesOf(3), ...leavesOf(leaves - 3).map(hashLeaf)], log),
] as const;
type History = (typeof histories)[number];

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'griffie-witness-kill-'));
  await writeFile(join(folder, 'logs.txt'), `# followed\n${log.verifier.vkey}\n`);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function startWitness() {
  const logs = join(folder, 'logs.txt');
  return startWitnessProcess({ folder: join(folder, 'witness'), name: 'witness.example/w1', logs });
}

type Started = Awaited<ReturnType<typeof startWitness>>;

/** Extends one history as far as it gets; every cosignature that came back is in `cosigned`. */
async function push(witness: Started, history: History, cosigned: { history: History; size: number }[]) {
  for (let known = 0; ; ) {
    const size = Math.min(leaves, known + 1);
    const { note } = history.checkpoint(size);
    const proof = history.proof(known, size);
    const body = formatAddCheckpoint({ oldSize: known, proof, checkpointNote: note });
    const answer = await fetch(`${witness.url}/add-checkpoint`, { method: 'POST', body }).catch(() => null);
    const text = await answer?.text().catch(() => null);
    if (answer === null || text === undefined || text === null) return;
    if (answer.status === 200) {
      const checked = openNote(`${formatCheckpoint(history.checkpoint(size))}\n${text}`, [witness.verifier]);
      expect(checked.ok).toBe(true);
      cosigned.push({ history, size });
      known = size;
    } else if (answer.status === 409) {
      if (Number(text) === known) return;
      known = Number(text);
    } else if (answer.status === 429) await sleep(300);
    else return;
    if (known >= leaves) return;
  }
}

const skipped = isBuilt ? '' : ' (skipped: the project is not built)';

describe.skipIf(!isBuilt)(`a witness that is killed while it answers${skipped}`, () => {
  it(`never cosigns two histories, and forgets nothing that it cosigned, ${rounds} times`, async () => {
    const cosigned: { history: History; size: number }[] = [];
    for (let round = 0; round < rounds; round++) {
      const witness = await startWitness();
      const before = cosigned.length;
      // Both at once: where it had forgotten, the other history would get in.
      const pushing = Promise.all(
        [...histories].sort(() => Math.random() - 0.5).map((history) => push(witness, history, cosigned)),
      );
      const wanted = before + 1 + Math.floor(Math.random() * 6);
      for (const until = Date.now() + 60_000; cosigned.length < wanted && Date.now() < until; )
        await sleep(1);
      await witness.end('SIGKILL');
      await pushing;
      expect(cosigned.length).toBeGreaterThan(before);
    }
    // Each of these was answered: from the fourth entry on, all are of one history, and they only grow.
    const [winner, ...others] = new Set(
      cosigned.filter(({ size }) => size > 3).map(({ history }) => history),
    );
    expect(winner).toBeDefined();
    expect(others).toEqual([]);
    const sizes = cosigned.filter(({ size }) => size > 3).map(({ size }) => size);
    for (const [i, size] of sizes.entries()) expect(size).toBeGreaterThanOrEqual(sizes[i - 1] ?? 0);
  });
});

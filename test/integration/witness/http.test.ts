import { chmod, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openWitnessFolder, witnessLimits } from '#services/witness';
import {
  createNoteSigner,
  formatAddCheckpoint,
  formatCheckpoint,
  generateNoteKey,
  type Hash,
  hashLeaf,
  readCosignature,
} from '#shared/ledger';
import { treeOf } from '../../unit/ledger/cosign-support.ts';
import { leavesOf } from '../../unit/ledger/trees.ts';
import { type RunningWitness, startWitness, temporaryFolder } from './support.ts';

const log = createNoteSigner('log.example/griffie', generateNoteKey());
const logs = [log.verifier];
const tree = treeOf(leavesOf(60), log);
const fork = treeOf([...leavesOf(4), ...leavesOf(56).map(hashLeaf)], log);
const requestOf = (
  oldSize: number,
  size: number,
  of = tree,
  proof: readonly Hash[] = of.proof(oldSize, size),
) => formatAddCheckpoint({ oldSize, proof, checkpointNote: of.checkpoint(size).note });

let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
let running: RunningWitness | undefined;
const start = async (more: { readonly name?: string } = {}) => {
  running = await startWitness({ folder: temporary.path, logs, ...more });
  return running;
};
const stop = async () => {
  await running?.stop();
  running = undefined;
};
beforeEach(async () => {
  temporary = await temporaryFolder();
});
afterEach(async () => {
  await stop();
  await temporary.remove();
});

describe('add-checkpoint', () => {
  it('answers 200 with a cosignature line, for the first checkpoint, what extends it, and once more', async () => {
    const witness = await start();
    for (const [oldSize, size] of [
      [0, 5],
      [5, 17],
      [17, 17],
    ] as const) {
      const before = Math.floor(Date.now() / 1000);
      const answer = await witness.post(requestOf(oldSize, size));
      expect(answer.status).toBe(200);
      const text = formatCheckpoint(tree.checkpoint(size));
      const cosignature = readCosignature(text, await answer.text(), witness.verifier);
      expect(cosignature?.time).toBeGreaterThanOrEqual(before);
    }
  });

  it('answers 409 with the size that it knows, as text/x.tlog.size', async () => {
    const witness = await start();
    const empty = await witness.post(requestOf(3, 9));
    expect([empty.status, await empty.text()]).toEqual([409, '0\n']);
    await witness.post(requestOf(0, 9));
    const later = await witness.post(requestOf(0, 12));
    expect([later.status, await later.text()]).toEqual([409, '9\n']);
    expect(later.headers.get('content-type')).toBe('text/x.tlog.size');
  });

  it('answers 400, 403, 404 and 422 as C2SP tlog-witness has them', async () => {
    const witness = await start();
    await witness.post(requestOf(0, 9));
    const foreign = treeOf(leavesOf(20), createNoteSigner('other.example/log', generateNoteKey()));
    const forged = treeOf(leavesOf(20), createNoteSigner('log.example/griffie', generateNoteKey()));
    const statusOf = async (body: string) => (await witness.post(body)).status;
    expect(await statusOf('what?')).toBe(400);
    expect(await statusOf(requestOf(9, 12).replace('old 9', 'old 13'))).toBe(400);
    expect(await statusOf(requestOf(9, 12, foreign))).toBe(404);
    expect(await statusOf(requestOf(9, 12, forged))).toBe(403);
    expect(await statusOf(requestOf(9, 12, fork))).toBe(422);
    expect(await statusOf(requestOf(9, 12, tree, []))).toBe(422);
    expect(await statusOf(requestOf(9, 12))).toBe(200);
    expect(witness.witness.figures()).toMatchObject({ cosigned: 2, sizes: { 'log.example/griffie': 12 } });
  });

  it('keeps two trees of one size, both signed by the log: the proof that it forked', async () => {
    const witness = await start();
    await witness.post(requestOf(0, 9));
    const answer = await witness.post(requestOf(9, 9, fork));
    expect([answer.status, await answer.text()]).toEqual([409, '9\n']);
    const [name = ''] = (await readdir(temporary.path)).filter((each) => each.startsWith('forked-'));
    const proof = await readFile(join(temporary.path, name), 'utf8');
    expect(proof).toBe(`${tree.checkpoint(9).note}\n${fork.checkpoint(9).note}`);
    // It goes on with the history that it saw.
    expect((await witness.post(requestOf(9, 12))).status).toBe(200);
  });

  it('cosigns one of two histories that are sent at the same time, again and again', async () => {
    const witness = await start();
    await witness.post(requestOf(0, 4));
    let size = 4;
    let winner: typeof tree | undefined;
    for (let next = 5; next < 11; next++) {
      const answers = await Promise.all(
        [tree, fork, tree, fork].map(async (of) => ({
          of,
          ok: (await witness.post(requestOf(size, next, of))).ok,
        })),
      );
      const cosigned = new Set(answers.filter(({ ok }) => ok).map(({ of }) => of));
      expect(cosigned.size).toBe(1);
      const [only] = cosigned;
      winner ??= only;
      expect(only).toBe(winner);
      size = next;
    }
  });
});

describe('a witness that is started again', () => {
  it('knows what it cosigned, and has its key', async () => {
    const first = await start();
    await first.post(requestOf(0, 9));
    await stop();
    const second = await start();
    expect(second.verifier.vkey).toBe(first.verifier.vkey);
    const answer = await second.post(requestOf(0, 12));
    expect([answer.status, await answer.text()]).toEqual([409, '9\n']);
    expect((await second.post(requestOf(9, 12, fork))).status).toBe(422);
  });

  it('after what it knows was written and before it was answered, never cosigns another history', async () => {
    const folder = await openWitnessFolder(temporary.path, 'witness.example/w1');
    await folder.state.advance(tree.checkpoint(9));
    await folder.release();
    const witness = await start();
    expect((await witness.post(requestOf(9, 9, fork))).status).toBe(409);
    expect((await witness.post(requestOf(9, 9))).status).toBe(200);
  });

  it('does not start without its state, with a damaged one, without its key, or under another name', async () => {
    const witness = await start();
    await witness.post(requestOf(0, 9));
    await expect(openWitnessFolder(temporary.path, 'x')).rejects.toMatchObject({ code: 'witness.locked' });
    await stop();
    const at = (name: string) => join(temporary.path, name);
    const state = await readFile(at('state.json'), 'utf8');
    const key = await readFile(at('witness-key.json'), 'utf8');
    const codeOf = () =>
      openWitnessFolder(temporary.path, 'witness.example/w1').then(
        async (folder) => {
          await folder.release();
          return 'opened';
        },
        (error: { readonly code: string }) => error.code,
      );
    await rm(at('state.json'));
    expect(await codeOf()).toBe('witness.state_lost');
    for (const damage of [
      state.slice(0, -9),
      '{}',
      state.replace('\\n9\\n', '\\n09\\n'),
      state.replace('log.', 'lag.'),
    ]) {
      await writeFile(at('state.json'), damage);
      expect(await codeOf()).toBe('witness.state_damaged');
    }
    await writeFile(at('state.json'), state);
    await writeFile(at('witness-key.json'), 'no key');
    expect(await codeOf()).toBe('witness.key_unusable');
    await rm(at('witness-key.json'));
    expect(await codeOf()).toBe('witness.key_lost');
    await writeFile(at('witness-key.json'), key);
    await expect(start({ name: 'another.example' })).rejects.toMatchObject({ code: 'witness.key_unusable' });
    expect(await codeOf()).toBe('opened');
  });

  it('has its key and state to itself', async () => {
    await (await start()).post(requestOf(0, 9));
    for (const name of ['witness-key.json', 'state.json']) {
      expect((await stat(join(temporary.path, name))).mode & 0o777).toBe(0o600);
    }
    expect((await stat(temporary.path)).mode & 0o777).toBe(0o700);
  });
});

describe('a witness that cannot write', () => {
  // The folder's mode does not hold root back: a folder in the way of the temporary file holds anybody.
  it('cosigns nothing, says 500, and goes on once it can', async () => {
    const witness = await start();
    await witness.post(requestOf(0, 9));
    await chmod(temporary.path, 0o700);
    const { mkdir, rmdir } = await import('node:fs/promises');
    await mkdir(join(temporary.path, 'state.json.tmp'));
    const refused = await witness.post(requestOf(9, 12));
    expect([refused.status, await refused.text()]).toEqual([500, 'witness.unavailable\n']);
    await rmdir(join(temporary.path, 'state.json.tmp'));
    // What was not cosigned binds nobody: either history of 9 entries may go on, and this one does.
    expect((await witness.post(requestOf(9, 12))).status).toBe(200);
  });
});

describe('what everybody may call is bounded', () => {
  it('other paths and methods, and long bodies', async () => {
    const witness = await start();
    expect((await fetch(`${witness.url}/`)).status).toBe(404);
    expect((await fetch(`${witness.url}/add-checkpoint`)).status).toBe(405);
    const body = 'x'.repeat(witnessLimits.bodyBytes + 1);
    const outcome = await witness.post(body).then(
      ({ status }) => status,
      // Cut off while it was still sending.
      () => 413,
    );
    expect(outcome).toBe(413);
    expect((await witness.post(requestOf(0, 9))).status).toBe(200);
  });

  it('requests of one address', async () => {
    const witness = await start();
    const statuses: number[] = [];
    for (let i = 0; i < witnessLimits.burst * 3; i++) statuses.push((await witness.post('x')).status);
    expect(statuses.slice(0, witnessLimits.burst)).not.toContain(429);
    expect(statuses).toContain(429);
  });

  it('a caller who stays silent is let go of, and holds nobody up', async () => {
    const witness = await start();
    const socket = connect(Number(new URL(witness.url).port), '127.0.0.1');
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write('POST /add-checkpoint HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nold');
    socket.on('error', () => {});
    expect((await witness.post(requestOf(0, 9))).status).toBe(200);
    socket.resume();
    await closed;
  }, 60_000);
});

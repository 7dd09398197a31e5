import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { finishRotation, openInstallation, rotateLedgerKey, seedInstallation } from '#services/disclosure';
import { createLedger, createNoteSigner, generateNoteKey, type NoteSigner } from '#shared/ledger';
import { createMemoryOrder, createTileDirectory } from '#shared/ledger-storage';
import { silentLogger } from '#shared/runtime';
import {
  entry,
  makeSmallInstallation,
  noise,
  type SmallInstallation,
} from '../../support/small-installation.ts';
import { audience } from '../../support/test-service.ts';
import { type Ran, run } from '../../unit/cli/support.ts';
import { entriesOf, writeAnew } from '../audit/history.ts';

let at: SmallInstallation;
/** The ledger's first key. */
let first: NoteSigner;

beforeEach(async () => {
  at = await makeSmallInstallation();
  first = await at.signer();
});
afterEach(() => at.remove());

const verify = (ledger: string, key: string, ...args: readonly string[]): Promise<Ran> =>
  run(['audit', 'verify', ledger, '--key', key, '--json', ...args]);
const codesOf = (ran: Ran): (string | undefined)[] => ran.error().problems?.map(({ rule }) => rule) ?? [];
const cutAt = (step: number) => ({
  ...at,
  onStep: (now: number) => {
    if (now === step) throw new Error('cut off');
  },
});
const keyFiles = async (): Promise<string[]> =>
  (await readdir(at.keyFolder)).filter((name) => name.startsWith('ledger')).sort();

describe('changing the key of the ledger', () => {
  it('leaves a ledger that both keys verify, and one after the other as long as it stands', async () => {
    const { from, to } = await rotateLedgerKey(at);
    expect(from).toBe(first.verifier.vkey);
    await at.append(2);
    for (const key of [from, to]) {
      const ran = await verify(at.ledgerFolder, key);
      expect({ exitCode: ran.exitCode, stderr: ran.stderr }).toEqual({ exitCode: 0, stderr: '' });
    }
    expect((await readFile(join(at.ledgerFolder, 'checkpoint'), 'utf8')).match(/^— /gmu)).toHaveLength(2);
    await finishRotation(at);
    await at.append(250);
    expect((await readFile(join(at.ledgerFolder, 'checkpoint'), 'utf8')).match(/^— /gmu)).toHaveLength(1);
    const next = await rotateLedgerKey(at);
    await finishRotation(at);
    await at.append(1);
    const ran = await verify(at.ledgerFolder, from);
    expect(ran.exitCode).toBe(0);
    expect(ran.json()).toMatchObject({
      key: next.to,
      keyRotations: [
        { index: 5, from, to },
        { index: 258, from: to, to: next.to },
      ],
    });
    for (const key of [to, next.to]) expect((await verify(at.ledgerFolder, key)).exitCode).toBe(0);
    const told = await run(['audit', 'verify', at.ledgerFolder, '--key', from]);
    expect(told.stdout).toContain(
      "the change of the ledger's key in entry 5, signed by the key before it, to ",
    );
  });

  it('is followed by the state file of an auditor, who is asked nothing', async () => {
    const state = at.path('seen');
    const old = first.verifier.vkey;
    await verify(at.ledgerFolder, old, '--state', state);
    const { to } = await rotateLedgerKey(at);
    await finishRotation(at);
    await at.append(1);
    const ran = await run(['audit', 'verify', at.ledgerFolder, '--state', state, '--json']);
    expect(ran.exitCode).toBe(0);
    expect(await readFile(state, 'utf8')).toContain(`${old}\n${to}\n`);
    // From here on the new key is the one that is known; either may be given beside it.
    await rm(join(at.ledgerFolder, 'rotation'), { recursive: true });
    for (const key of [old, to]) {
      expect((await verify(at.ledgerFolder, key, '--state', state)).exitCode).toBe(0);
    }
    const stranger = createNoteSigner(first.verifier.name, generateNoteKey()).verifier.vkey;
    const refused = await verify(at.ledgerFolder, stranger, '--state', state);
    expect([refused.exitCode, refused.error().code]).toEqual([2, 'audit.other_key']);
  });

  it('takes a key that was pinned anew beside a state that knows the old one only', async () => {
    const state = at.path('seen');
    await verify(at.ledgerFolder, first.verifier.vkey, '--state', state);
    const { to } = await rotateLedgerKey(at);
    expect((await verify(at.ledgerFolder, to, '--state', state)).exitCode).toBe(0);
  });

  it.each([1, 2, 3, 4, 5])(
    'cut off before step %i it leaves a service that starts, and can go on',
    async (step) => {
      await expect(rotateLedgerKey(cutAt(step))).rejects.toThrow('cut off');
      await at.append(1);
      const isDone = step >= 3;
      expect((await at.signer()).verifier.vkey === first.verifier.vkey).toBe(!isDone);
      expect((await verify(at.ledgerFolder, first.verifier.vkey)).exitCode).toBe(0);
      if (!isDone) await rotateLedgerKey(at);
      expect(await keyFiles()).toEqual(['ledger-signing-key.json']);
      await finishRotation(at);
      await at.append(1);
      const ran = await verify(at.ledgerFolder, first.verifier.vkey);
      expect(ran.exitCode).toBe(0);
      expect(ran.json().keyRotations).toHaveLength(1);
    },
  );

  it.each([1, 2, 3, 4, 5])(
    'cut off before step %i it goes on with the same key when it is called again',
    async (step) => {
      await expect(rotateLedgerKey(cutAt(step))).rejects.toThrow('cut off');
      const waiting = await readFile(join(at.keyFolder, 'ledger-signing-key.next.json'), 'utf8').catch(
        () => null,
      );
      const { from, to } = await rotateLedgerKey(at);
      expect(from).toBe(first.verifier.vkey);
      if (waiting !== null) {
        const { origin, privateKey } = JSON.parse(waiting);
        expect(createNoteSigner(origin, privateKey).verifier.vkey).toBe(to);
      }
      const ran = await verify(at.ledgerFolder, from);
      expect(ran.exitCode).toBe(0);
      expect(ran.json().keyRotations).toHaveLength(1);
    },
  );

  it('waits for the end of the one before, and ends only what was begun', async () => {
    await expect(finishRotation(at)).rejects.toMatchObject({ code: 'rotation.none' });
    await rotateLedgerKey(at);
    await expect(rotateLedgerKey(at)).rejects.toMatchObject({ code: 'rotation.unfinished' });
  });

  it('is refused where several replicas write the ledger, by the command too', async () => {
    await writeFile(join(at.keyFolder, 'ledger-topic-secret.txt'), `${'0'.repeat(64)}\n`, { mode: 0o600 });
    await expect(rotateLedgerKey(at)).rejects.toMatchObject({ code: 'rotation.replicas' });
    await expect(finishRotation(at)).rejects.toMatchObject({ code: 'rotation.replicas' });
    const ran = await run(['service', 'rotate-ledger-key', '--data', at.path(''), '--json']);
    expect([ran.exitCode, ran.error().code]).toEqual([1, 'rotation.replicas']);
    expect(await keyFiles()).toEqual(['ledger-signing-key.json', 'ledger-topic-secret.txt']);
  });

  it('is finished before the ledger goes to several replicas', async () => {
    const order = createMemoryOrder();
    await rotateLedgerKey(at);
    await expect(seedInstallation({ ...at, order })).rejects.toMatchObject({ code: 'rotation.unfinished' });
    await finishRotation(at);
    expect((await seedInstallation({ ...at, order })).entries).toBe(6);
    const replication = { order, logger: silentLogger };
    const options = { keyFolder: at.keyFolder, publicUrl: audience, clock: at.clock };
    const replica = await openInstallation({ ...options, ledgerFolder: at.path('replica'), replication });
    expect(replica.ledger.checkpoint().size).toBeGreaterThanOrEqual(6);
    await replica.ledger.close();
    // Its receipts are copied: no record of the topic has them.
    const path = ['rotation', '1'] as const;
    await mkdir(join(at.path('replica'), path[0]));
    await copyFile(join(at.ledgerFolder, ...path), join(at.path('replica'), ...path));
    expect((await verify(at.path('replica'), first.verifier.vkey)).exitCode).toBe(0);
  });

  it('is not done beside a running service', async () => {
    const { ledger } = await at.open();
    await expect(rotateLedgerKey(at)).rejects.toMatchObject({ code: 'ledger.locked' });
    await ledger.close();
    expect((await rotateLedgerKey(at)).from).toBe(first.verifier.vkey);
  });

  it('leaves no way back: the old key opens nothing any more', async () => {
    const file = join(at.keyFolder, 'ledger-signing-key.json');
    await copyFile(file, at.path('old.json'));
    await rotateLedgerKey(at);
    await finishRotation(at);
    await at.append(1);
    await writeFile(file, await readFile(at.path('old.json')));
    await expect(at.open()).rejects.toMatchObject({ code: 'ledger.wrong_key' });
  });

  it('works as a command, and says what to do next', async () => {
    const folders = ['--data', at.path('')];
    const command = ['service', 'rotate-ledger-key', ...folders];
    const world = { now: () => at.clock.now() };
    const begun = await run(command, world);
    expect(begun.stderr).toBe('');
    expect(begun.stdout).toContain('Both keys sign');
    expect((await run([...command, '--json'], world)).error().code).toBe('rotation.unfinished');
    expect((await run([...command, '--finish'], world)).stdout).toContain('The old key is destroyed here');
    expect((await run([...command, '--at-once', '--json'], world)).json()).toMatchObject({ finished: true });
    const elsewhere = await run(['service', 'rotate-ledger-key', '--data', at.path('none'), '--json'], world);
    expect(elsewhere.error().code).toBe('ledger.missing');
    expect((await verify(at.ledgerFolder, first.verifier.vkey)).json().keyRotations).toHaveLength(2);
  });
});

describe('a change of key that is none is not believed', () => {
  const thief = (): NoteSigner => createNoteSigner(first.verifier.name, generateNoteKey());
  const changed = (to: NoteSigner) =>
    entry('ledger.key_rotated', { from: first.verifier.vkey, to: to.verifier.vkey });
  /** A ledger of these entries that this key signs, with a receipt of its last entry as of a change of key. */
  async function forge(
    name: string,
    entries: Parameters<typeof writeAnew>[1],
    signer: NoteSigner,
  ): Promise<string> {
    const folder = at.path(name);
    const storage = createTileDirectory(folder);
    const ledger = await createLedger({ storage, signer });
    await ledger.append(entries);
    const receipt = await ledger.inclusionReceipt(entries.length - 1);
    await storage.stage([{ path: 'rotation/1', bytes: Buffer.from(receipt) }]);
    await ledger.append(noise(1));
    await ledger.close();
    return folder;
  }

  it('without the old key’s signature', async () => {
    const mine = thief();
    const entries = await entriesOf(at.ledgerFolder, first);
    const forged = await forge('forged', [...entries, changed(mine)], mine);
    const ran = await verify(forged, first.verifier.vkey);
    expect(ran.exitCode).toBe(1);
    expect(codesOf(ran)).toEqual(expect.arrayContaining(['checkpoint.invalid', 'key.rotation_invalid']));
  });

  it('with the old key’s signature line from elsewhere', async () => {
    const mine = thief();
    const entries = await entriesOf(at.ledgerFolder, first);
    const forged = await forge('forged', [...entries, changed(mine)], mine);
    const [line = ''] =
      (await readFile(join(at.ledgerFolder, 'checkpoint'), 'utf8')).match(/^— .*\n/mu) ?? [];
    const receipt = await readFile(join(forged, 'rotation/1'), 'utf8');
    await writeFile(join(forged, 'rotation/1'), `${receipt}${line}`);
    const ran = await verify(forged, first.verifier.vkey);
    expect(ran.exitCode).toBe(1);
    expect(codesOf(ran)).toContain('key.rotation_invalid');
  });

  it('without the new key’s', async () => {
    const nobody = thief();
    const entries = await entriesOf(at.ledgerFolder, first);
    const forged = await forge('forged', [...entries, changed(nobody)], first);
    const ran = await verify(forged, first.verifier.vkey);
    expect(ran.exitCode).toBe(1);
    expect(codesOf(ran)).toContain('key.rotation_invalid');
  });

  it('in an entry to which no receipt belongs', async () => {
    const entries = [...(await entriesOf(at.ledgerFolder, first)), changed(thief())];
    await writeAnew(at.path('forged'), entries, first);
    const ran = await verify(at.path('forged'), first.verifier.vkey);
    expect(ran.exitCode).toBe(1);
    expect(codesOf(ran)).toEqual(['key.rotation_unproven']);
  });

  it('from a key that was not the ledger’s', async () => {
    const [other, next] = [thief(), thief()];
    await rotateLedgerKey(at);
    await finishRotation(at);
    const second = await at.signer();
    const entries = await entriesOf(at.ledgerFolder, second);
    const details = { from: other.verifier.vkey, to: next.verifier.vkey };
    await writeAnew(at.path('forged'), [...entries, entry('ledger.key_rotated', details)], second);
    const ran = await verify(at.path('forged'), second.verifier.vkey);
    expect(ran.exitCode).toBe(1);
    expect(codesOf(ran)).toContain('entry.impossible');
  });

  it('once its receipt is gone', async () => {
    await rotateLedgerKey(at);
    await finishRotation(at);
    await at.append(1);
    await rm(join(at.ledgerFolder, 'rotation'), { recursive: true });
    const ran = await verify(at.ledgerFolder, first.verifier.vkey);
    expect(ran.exitCode).toBe(1);
    expect(codesOf(ran)).toEqual(['checkpoint.invalid']);
  });
});

describe('whoever has the new key alone', () => {
  let second: NoteSigner;
  beforeEach(async () => {
    await rotateLedgerKey(at);
    await finishRotation(at);
    second = await at.signer();
    await at.append(3);
  });
  const keepReceipts = async (ledger: string): Promise<void> => {
    const bytes = await readFile(join(at.ledgerFolder, 'rotation/1'));
    await createTileDirectory(ledger).stage([{ path: 'rotation/1', bytes }]);
  };

  it('cannot rewrite what the old one signed', async () => {
    const entries = await entriesOf(at.ledgerFolder, second);
    await writeAnew(at.path('forged'), entries.with(2, noise(1)[0] ?? entry('access.noise', {})), second);
    await keepReceipts(at.path('forged'));
    const ran = await verify(at.path('forged'), first.verifier.vkey);
    expect(ran.exitCode).toBe(1);
    expect(codesOf(ran)).toContain('log.forked');
    // With the change of key it is proof by itself: two trees that the ledger's keys signed.
    expect(ran.json().contradicts).toContain(first.verifier.name);
  });

  it('cannot cut the ledger to before the change', async () => {
    const entries = await entriesOf(at.ledgerFolder, second);
    await writeAnew(at.path('forged'), entries.slice(0, 4), second);
    await keepReceipts(at.path('forged'));
    const ran = await verify(at.path('forged'), first.verifier.vkey);
    expect(codesOf(ran)).toContain('log.shrunk');
  });

  it('cannot pass for the ledger’s key where the change is not in it', async () => {
    const entries = await entriesOf(at.ledgerFolder, second);
    const without = entries.filter(({ kind }) => kind !== 'ledger.key_rotated');
    await writeAnew(at.path('forged'), without, second);
    const ran = await verify(at.path('forged'), first.verifier.vkey);
    expect(codesOf(ran)).toEqual(['checkpoint.invalid']);
  });
});

describe('whoever still has the old key', () => {
  it('can sign nothing that an auditor takes who followed the change', async () => {
    const state = at.path('seen');
    await rotateLedgerKey(at);
    await verify(at.ledgerFolder, first.verifier.vkey, '--state', state);
    const entries = await entriesOf(at.ledgerFolder, first);
    const before = entries.filter(({ kind }) => kind !== 'ledger.key_rotated');
    await writeAnew(at.path('forged'), [...before, ...noise(9)], first);
    const ran = await verify(at.path('forged'), first.verifier.vkey, '--state', state);
    expect(codesOf(ran)).toEqual(['checkpoint.invalid']);
  });
});

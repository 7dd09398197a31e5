import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { finishRotation, openInstallationWitnessing, rotateLedgerKey } from '#services/disclosure';
import { createNoteSigner, formatAddCheckpoint, generateNoteKey, type NoteSigner } from '#shared/ledger';
import { silentLogger } from '#shared/runtime';
import { readPinFile } from '../../../services/cli/pin-file.ts';
import { makeSmallInstallation, type SmallInstallation } from '../../support/small-installation.ts';
import { audience } from '../../support/test-service.ts';
import { run } from '../../unit/cli/support.ts';
import { entriesOf, writeAnew } from '../audit/history.ts';
import { type RunningWitness, startWitness } from '../witness/support.ts';

let at: SmallInstallation;
let first: NoteSigner;

beforeEach(async () => {
  at = await makeSmallInstallation();
  first = await at.signer();
});
afterEach(() => at.remove());

const rotate = async (): Promise<void> => {
  await rotateLedgerKey(at);
  await finishRotation(at);
  await at.append(1);
};

describe('a witness that was given the first key only', () => {
  let witness: RunningWitness;
  const start = (port = 0) => startWitness({ folder: at.path('witness'), logs: [first.verifier], port });
  beforeEach(async () => {
    witness = await start();
  });
  afterEach(() => witness.stop());

  /** One round of the service's, with the present checkpoint. */
  async function round(): Promise<string | null | undefined> {
    const policy = `witness w ${witness.verifier.vkey} ${witness.url}\nquorum w\n`;
    await writeFile(at.path('policy'), policy);
    const installation = await at.open();
    const options = { policyFile: at.path('policy'), clock: at.clock, logger: silentLogger };
    const witnessing = await openInstallationWitnessing(installation, options);
    await witnessing.round();
    await installation.ledger.close();
    return witnessing.figures().witnesses.w?.fault;
  }
  const sizeThere = (): number | undefined => witness.folder.state.latest(first.verifier.name)?.size;

  it('cosigns through changes of key, and knows of them after a restart', async () => {
    expect(await round()).toBeNull();
    await rotateLedgerKey(at);
    expect(await round()).toBeNull();
    await finishRotation(at);
    await at.append(1);
    expect(await round()).toBeNull();
    expect(sizeThere()).toBe(7);
    await witness.stop();
    witness = await start();
    await at.append(1);
    expect(await round()).toBeNull();
    await rotate();
    await rotate();
    expect(await round()).toBeNull();
    expect(sizeThere()).toBe(12);
    const state = await readFile(join(at.path('witness'), 'followed-keys.json'), 'utf8');
    expect(JSON.parse(state).rotations).toHaveLength(3);
    // The note that it cosigned is verified by who knows the first key, through the same changes.
    const args = ['audit', 'verify', at.ledgerFolder, '--key', first.verifier.vkey, '--json'];
    const ran = await run([...args, '--witness', witness.verifier.vkey], { now: () => Date.now() });
    expect({ exitCode: ran.exitCode, stderr: ran.stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(ran.json().witnessed).toMatchObject({ size: 12 });
  });

  it('takes no checkpoint of the key that was replaced, and no second change from it', async () => {
    await round();
    await rotate();
    await round();
    const present = await at.signer();
    const size = sizeThere() ?? 0;
    const entries = await entriesOf(at.ledgerFolder, present);
    await writeAnew(at.path('forged'), entries, first);
    const note = await readFile(join(at.path('forged'), 'checkpoint'), 'utf8');
    const answer = await witness.post(
      formatAddCheckpoint({ oldSize: size, proof: [], checkpointNote: note }),
    );
    expect(answer.status).toBe(403);
    const again = await fetch(`${witness.url}/add-key-rotation`, {
      method: 'POST',
      body: await readFile(join(at.ledgerFolder, 'rotation/1'), 'utf8'),
    });
    expect(again.status).toBe(403);
  });

  it.each([
    ['nothing', 400, () => ''],
    ['something else', 400, () => 'c2sp.org/tlog-proof@v1\nindex 0\n\nx\n'],
    [
      'a change that the first key did not sign',
      403,
      (receipt: string) =>
        receipt.replace(/^— \S+ (\S+)$/gmu, (line, blob) =>
          line.replace(blob, `${blob.slice(0, 10)}AAAA${blob.slice(14)}`),
        ),
    ],
  ])('learns no key from %s', async (_, status, change) => {
    await rotate();
    const receipt = await readFile(join(at.ledgerFolder, 'rotation/1'), 'utf8');
    const body = change(receipt);
    const answer = await fetch(`${witness.url}/add-key-rotation`, { method: 'POST', body });
    expect(answer.status).toBe(status);
    const note = await readFile(join(at.ledgerFolder, 'checkpoint'), 'utf8');
    const refused = await witness.post(formatAddCheckpoint({ oldSize: 0, proof: [], checkpointNote: note }));
    expect(refused.status).toBe(403);
  });
});

describe('an officer who kept the first key', () => {
  /** A service that answers from the installation's files. */
  const world = (ledgerKey: string, manifestKey: object) => ({
    now: () => at.clock.now(),
    fetch: (async (input: string | URL | Request) => {
      const path = String(input).slice(audience.length);
      if (path === '/v1/service') {
        const view = {
          name: 'griffie',
          version: '0',
          audience,
          retentionPeriod: 'P6M',
          manifestKey,
          ledgerKey,
        };
        return new Response(JSON.stringify(view), { headers: { 'content-type': 'application/json' } });
      }
      const bytes = await readFile(join(at.path(''), path)).catch(() => null);
      return bytes === null ? new Response('', { status: 404 }) : new Response(new Uint8Array(bytes));
    }) as typeof globalThis.fetch,
  });

  it('keeps the new one, because the first signed for it, and what the first signed before stays good', async () => {
    const { ledger, keys } = await at.open();
    await ledger.close();
    const manifestKey = { ...keys.manifestPublicKey };
    const command = ['service', 'keys', '--url', audience, '--json'];
    await run([...command, '--out', at.path('old.json')], world(first.verifier.vkey, manifestKey));
    await rotate();
    await rotate();
    const present = world((await at.signer()).verifier.vkey, manifestKey);
    const ran = await run(
      [...command, '--known', at.path('old.json'), '--out', at.path('new.json')],
      present,
    );
    expect(ran.stderr).toBe('');
    const pins = await readPinFile(at.path('new.json'));
    expect(pins.ledgerVerifier.vkey).toBe((await at.signer()).verifier.vkey);
    expect(pins.earlierLedgerKeys.map(({ verifier, until }) => [verifier.vkey, until])).toEqual([
      [first.verifier.vkey, 6],
      [expect.any(String), 8],
    ]);
    expect((await run(['audit', 'verify', at.ledgerFolder, '--keys', at.path('new.json')])).exitCode).toBe(0);
  });

  it('keeps none that the first did not lead to', async () => {
    const { ledger, keys } = await at.open();
    await ledger.close();
    const manifestKey = { ...keys.manifestPublicKey };
    const command = ['service', 'keys', '--url', audience, '--json'];
    await run([...command, '--out', at.path('old.json')], world(first.verifier.vkey, manifestKey));
    const stranger = createNoteSigner(first.verifier.name, generateNoteKey()).verifier.vkey;
    const out = ['--known', at.path('old.json'), '--out', at.path('new.json')];
    const ran = await run([...command, ...out], world(stranger, manifestKey));
    expect([ran.exitCode, ran.error().code]).toEqual([1, 'service.ledger_key']);
  });
});

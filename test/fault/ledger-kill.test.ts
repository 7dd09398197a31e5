import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { createLedger, type SignedCheckpoint, verifyLog } from '#shared/ledger';
import { createTileDirectory } from '#shared/ledger-storage';
import { makeKilledLedgers } from '../support/killed-ledger.ts';
import { entryOf } from '../support/ledger-entries.ts';

/* Real processes, killed for real. ROUNDS (default 15) is how often at a random moment; every step is in ledger-steps.test.ts. Needs the build (`npm test` makes it). */

const rounds = Number(process.env.ROUNDS ?? 15);
const script = join(import.meta.dirname, '../support/children/ledger-append.mjs');
const built = existsSync(join(import.meta.dirname, '../../dist/shared/ledger-storage/index.js'));
const { base, keyFile, signer, published, remove } = makeKilledLedgers();
const verifiers = [signer.verifier];
afterAll(remove);

/** Starts a writer; resolves once it has the lock. Every acknowledged entry goes into the map. */
async function startWriter(folder: string, acknowledged: Map<number, string>): Promise<ChildProcess> {
  const child = spawn(process.execPath, [script, folder, keyFile], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  const ready = new Promise<void>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the writer ended with ${code}`)));
    lines.on('line', (line) => {
      if (line === 'ready') return resolve();
      const [index = '', id = ''] = line.split(' ');
      // A line that was cut by the kill was never read by anyone.
      if (id.length === 36) acknowledged.set(Number(index), id);
    });
  });
  await ready;
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, 'close');
  child.kill('SIGKILL');
  await ended;
}

const skipped = built ? '' : ' (skipped: the project is not built)';

describe.skipIf(!built)(`a ledger whose process is killed${skipped}`, () => {
  it(`has every acknowledged entry and never forks, ${rounds} times`, async () => {
    const folder = join(base, 'rounds');
    const acknowledged = new Map<number, string>();
    let size = 0;
    for (let round = 0; round < rounds; round++) {
      const child = await startWriter(folder, acknowledged);
      const seen: SignedCheckpoint[] = [];
      const until = Date.now() + Math.random() * 150;
      while (Date.now() < until) {
        seen.push(await published(folder));
        await delay(3);
      }
      await kill(child);

      const storage = createTileDirectory(folder);
      const ledger = await createLedger({ storage, signer });
      const ids: string[] = [];
      for await (const { entry } of ledger.entries()) ids.push(entry.id);
      for (const [index, id] of acknowledged) expect(ids[index]).toBe(id);
      const earlier = seen.at(Math.floor(Math.random() * seen.length));
      const options = earlier === undefined ? { verifiers } : { verifiers, earlier: [earlier] };
      expect(await verifyLog(storage, options)).toMatchObject({ ok: true, size: ids.length, problems: [] });
      expect(ids.length).toBeGreaterThanOrEqual(size);
      size = ids.length;
      await ledger.close();
    }
    expect(acknowledged.size).toBeGreaterThan(0);
  });

  it('is locked while its process lives, also when that is stopped, and free at once when it is dead', async () => {
    const folder = join(base, 'lock');
    const child = await startWriter(folder, new Map());
    const open = () => createLedger({ storage: createTileDirectory(folder), signer });
    await expect(open()).rejects.toMatchObject({ code: 'ledger.locked' });
    child.kill('SIGSTOP');
    await expect(open()).rejects.toMatchObject({ code: 'ledger.locked' });
    await kill(child);
    const ledger = await open();
    await ledger.append([entryOf(1)]);
    await ledger.close();
  });

  it('is taken over by exactly one of several that start after a kill', async () => {
    const folder = join(base, 'race');
    for (let round = 0; round < 5; round++) {
      await kill(await startWriter(folder, new Map()));
      const starts = await Promise.allSettled(
        Array.from({ length: 4 }, () => startWriter(folder, new Map())),
      );
      const live = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
      expect(live).toHaveLength(1);
      for (const child of live) await kill(child);
    }
  });

  it('can lie in a folder whose path is too long for a socket', async () => {
    const deep = await mkdtemp(join(base, 'long-'.padEnd(120, 'x')));
    const child = await startWriter(join(deep, 'ledger'), new Map());
    const storage = createTileDirectory(join(deep, 'ledger'));
    await expect(createLedger({ storage, signer })).rejects.toMatchObject({ code: 'ledger.locked' });
    await kill(child);
  });
});

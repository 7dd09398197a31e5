import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, describe, expect, it } from 'vitest';
import { createLedger, verifyLog } from '#shared/ledger';
import { createTileDirectory } from '#shared/ledger-storage';
import { packageRoot } from '#shared/runtime';
import { makeKilledLedgers } from '../support/killed-ledger.ts';
import { entriesOf, entryOf } from '../support/ledger-entries.ts';

/*
 * A process that is killed at every step of opening a ledger and appending to it, on a real disk: before,
 * within and after each of its operations, over 200 deaths. STRIDE (default 1) leaves steps out. What a loss
 * of power takes besides is in ledger-disk.test.ts. Needs the build (`npm test` makes it).
 */

const stride = Number(process.env.STRIDE ?? 1);
const moments = ['before', 'within', 'after'] as const;
/** Entries that are there already, near the end of a tile, and appends of which one goes beyond it. */
const before = 250;
const lots = [1, 2, 9, 1];
const script = join(packageRoot, 'test/support/children/ledger-die.mjs');
const built = existsSync(join(packageRoot, 'dist/shared/ledger-storage/index.js'));
const { base, keyFile, signer, published, remove } = makeKilledLedgers();
const verifiers = [signer.verifier];
afterAll(remove);

interface Death {
  /** Its operation, place and moment; null where it lived to the end. */
  readonly diesOf: string | null;
  /** Operations of one that lived. */
  readonly operations: number;
  /** Ids by index, as acknowledged. */
  readonly acknowledged: ReadonlyMap<number, string>;
}

/** A process that has loaded its code and waits, so that one loads while another one's end is looked at. */
function prepare(): (folder: string, at: number, when: string) => Promise<Death> {
  const child: ChildProcess = spawn(process.execPath, [script, keyFile], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  return async (folder, at, when) => {
    const ended = once(child, 'close');
    child.stdin?.end(JSON.stringify({ folder, at, when, lots }));
    const said = child.stdout === null ? '' : await text(child.stdout);
    const [code, signal] = await ended;
    const [, diesOf = null] = /^dies (.+)$/m.exec(said) ?? [];
    const [, operations = '0'] = /^lives (\d+)$/m.exec(said) ?? [];
    expect([code, signal]).toEqual(diesOf === null ? [0, null] : [null, 'SIGKILL']);
    const acknowledged = [...said.matchAll(/^(\d+) ([0-9a-f-]{36})$/gm)];
    return {
      diesOf,
      operations: Number(operations),
      acknowledged: new Map(acknowledged.map(([, index, id = '']) => [Number(index), id])),
    };
  };
}

const skipped = built ? '' : ' (skipped: the project is not built)';

describe.skipIf(!built)(`a ledger whose process is killed at a step of its own${skipped}`, () => {
  it('has every acknowledged entry, never forks, and goes on, whichever step it is', async () => {
    const begun = join(base, 'begun');
    const ledger = await createLedger({ storage: createTileDirectory(begun), signer });
    const first = entriesOf(before);
    await ledger.append(first);
    await ledger.close();
    const copy = (name: string): string => {
      const folder = join(base, name);
      cpSync(begun, folder, { recursive: true, filter: (path) => !path.endsWith('lock') });
      return folder;
    };

    const { operations } = await prepare()(copy('lives'), -1, 'after');
    const deaths = Array.from({ length: operations }, (_, at) => moments.map((when) => ({ at, when })))
      .flat()
      .filter((_, n) => n % stride === 0);
    const died = new Set<string>();
    let next = prepare();
    for (const [n, { at, when }] of deaths.entries()) {
      const folder = copy(String(n));
      const run = next;
      next = prepare();
      const { diesOf, acknowledged } = await run(folder, at, when);
      died.add(diesOf ?? 'nothing');
      // As an outsider sees it before the next start has repaired anything.
      const earlier = [await published(folder)];

      const storage = createTileDirectory(folder);
      const again = await createLedger({ storage, signer });
      const [next1] = await again.append([entryOf(n)]);
      const found: string[] = [];
      for await (const { entry } of again.entries()) found.push(entry.id);
      for (const [index, { id }] of first.entries()) expect(found[index]).toBe(id);
      for (const [index, id] of acknowledged) expect(found[index]).toBe(id);
      expect(found.length).toBe((next1?.index ?? 0) + 1);
      expect(await verifyLog(storage, { verifiers, earlier })).toMatchObject({
        ok: true,
        problems: [],
        size: found.length,
        checked: { earlier: 1 },
      });
      await again.close();
      rmSync(folder, { recursive: true });
    }
    // The one that was prepared last has nobody to die for.
    await next(copy('last'), -1, 'after');

    expect(died).not.toContain('nothing');
    if (stride > 1) return;
    expect(deaths.length).toBeGreaterThanOrEqual(200);
    for (const step of [
      'makeFolder tile/entries/N',
      'writeSynced staging/N',
      'rename tile/entries/N/N',
      'rename tile/entries/N',
      'rename tile/N/N',
      'rename tile/N/N/N',
      'syncFolder tile/entries',
      'writeSynced staging/committed',
      'rename committed',
      'writeSynced staging/checkpoint',
      'rename checkpoint',
      'syncFolder .',
      'remove tile/entries/N/N',
    ]) {
      for (const moment of moments) expect(died).toContain(`${step} ${moment}`);
    }
  });
});

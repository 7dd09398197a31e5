import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { openCaseFiles } from '#shared/case-files';
import { packageRoot } from '#shared/runtime';
import { makeSmallInstallation, type SmallInstallation } from '../support/small-installation.ts';
import { testStart } from '../support/test-service.ts';
import { run } from '../unit/cli/support.ts';

/* Real processes, killed for real. ROUNDS (default 6) is how often. Needs the build (`npm test` makes it). */

const rounds = Number(process.env.ROUNDS ?? 6);
const script = join(packageRoot, 'test/support/children/change-keys.mjs');
const built = existsSync(join(packageRoot, 'dist/services/disclosure/index.js'));
const skipped = built ? '' : ' (skipped: the project is not built)';

/** Lets keys be changed for a while, in a process of its own; in the first round until one change at least is whole. */
async function changeAndKill(at: SmallInstallation, caseFolder: string, round: number): Promise<void> {
  const child = spawn(process.execPath, [script, at.ledgerFolder, at.keyFolder, caseFolder, testStart], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`it ended with ${code}`))),
  ]);
  if (round === 0) await once(child.stdout, 'data');
  await delay(Math.random() * 120);
  const ended = once(child, 'close');
  child.kill('SIGKILL');
  await ended;
}

it.skipIf(!built)(`keys that are changed survive ${rounds} kills${skipped}`, async () => {
  const at = await makeSmallInstallation();
  try {
    const caseFolder = at.path('cases');
    const firstKey = (await at.signer()).verifier.vkey;
    const ids = Array.from({ length: 20 }, (_, i) => `01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d${10 + i}`);
    const openCases = async () => {
      const { keys, ledger } = await at.open();
      await ledger.close();
      return openCaseFiles(caseFolder, keys.caseMasterKey);
    };
    const cases = await openCases();
    const digests = await Promise.all(ids.map((id) => cases.put(id, 'order-v1', Buffer.from(id))));
    let [changes, size] = [0, 0];
    for (let round = 0; round < rounds; round++) {
      await changeAndKill(at, caseFolder, round);
      // A service starts, opens every case, and goes on writing.
      const now = await openCases();
      for (const [i, id] of ids.entries()) {
        expect(Buffer.from(await now.get(id, 'order-v1', digests[i])).toString()).toBe(id);
      }
      await at.append(1);
      // The state file is the auditor's: it demands that nothing that was seen is gone.
      const args = ['audit', 'verify', at.ledgerFolder, '--key', firstKey, '--state', at.path('seen')];
      const ran = await run([...args, '--json']);
      expect({ round, exitCode: ran.exitCode, stderr: ran.stderr }).toEqual({
        round,
        exitCode: 0,
        stderr: '',
      });
      const { counts, size: found } = ran.json() as { counts: Record<string, number>; size: number };
      expect(counts['ledger.key_rotated'] ?? 0).toBeGreaterThanOrEqual(changes);
      expect(found).toBeGreaterThan(size);
      [changes, size] = [counts['ledger.key_rotated'] ?? 0, found];
    }
    expect(changes).toBeGreaterThan(0);
  } finally {
    await at.remove();
  }
});

import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '#shared/runtime';
import { isBuilt } from '../support/griffie-process.ts';

const rounds = Number(process.env.ROUNDS ?? 10);
const child = join(packageRoot, 'test', 'support', 'children', 'retention.mjs');

interface Day {
  readonly place: string;
  readonly day: string;
  readonly rows: number;
}
interface Entry {
  readonly kind: string;
  readonly subject?: string;
  readonly details: { readonly days: readonly Day[] };
}
interface Looked {
  /** As the kill left it, and after the next process had finished it. */
  readonly heldBefore: readonly { table: string; day: string }[];
  readonly entriesBefore: readonly Entry[];
  readonly heldAfter: readonly { day: string }[];
  readonly entries: readonly Entry[];
}

/** Stores and removes days from the number on until it is killed. @returns the last number that it said */
async function runUntilKilled(folder: string, firstDay: number, killAfterMs: number): Promise<number> {
  const runner = spawn(process.execPath, [child, folder, 'run', String(firstDay)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  let complaints = '';
  runner.stderr.on('data', (chunk) => (complaints += chunk));
  const begun = new Promise<void>((resolve) => {
    runner.stdout.on('data', (chunk) => {
      said += chunk;
      resolve();
    });
  });
  const ended = new Promise<NodeJS.Signals | null>((resolve) => {
    runner.on('close', (_code, signal) => resolve(signal));
  });
  await Promise.race([begun, ended]);
  await new Promise((resolve) => setTimeout(resolve, killAfterMs));
  runner.kill('SIGKILL');
  expect(await ended, complaints).toBe('SIGKILL');
  return Math.max(firstDay, ...said.split('\n').filter(Boolean).map(Number));
}

describe.skipIf(!isBuilt)(
  `expiry killed ${rounds} times between its first entry, drop and certificate (needs npm run build)`,
  () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'griffie-retention-'));
    });
    afterAll(() => rm(folder, { recursive: true, force: true }));

    it('no certificate says of a day that is there that it is gone, and the next process finishes each run', async () => {
      let cutRuns = 0;
      let nextDay = 1;
      for (let round = 0; round < rounds; round++) {
        const last = await runUntilKilled(folder, nextDay, Math.random() * 400);
        nextDay = last + 1;
        const { stdout } = await promisify(execFile)(process.execPath, [child, folder, 'look'], {
          maxBuffer: 1 << 28,
        });
        const looked: Looked = JSON.parse(stdout);
        const certified = daysOf(looked.entriesBefore, 'retention.certified');
        // A week of the index is there again with the next of its days, which in this test came after its end.
        const byDay = looked.heldBefore.filter(({ table }) => table !== 'traffic_index');
        expect(byDay.filter(({ day }) => certified.has(day))).toEqual([]);
        if (looked.entriesBefore.at(-1)?.kind === 'retention.started') cutRuns++;

        expect(looked.heldAfter).toEqual([]);
        const begun = looked.entries.filter(({ kind }) => kind === 'retention.started');
        for (const { subject, details } of begun) {
          const ends = looked.entries.filter(
            (entry) => entry.kind === 'retention.certified' && entry.subject === subject,
          );
          expect(ends.map((entry) => entry.details.days)).toEqual([details.days]);
        }
        // All days that were stored are certified, with every row, once.
        const rows = looked.entries
          .filter(({ kind }) => kind === 'retention.certified')
          .flatMap(({ details }) => details.days.filter(({ place }) => place === 'traffic'))
          .map(({ day, rows: count }) => [day, count]);
        expect(new Set(rows.map(([day]) => day)).size).toBe(rows.length);
        expect(rows.every(([, count]) => count === 20)).toBe(true);
      }
      // In twenty kills and more some hit a run: without one the test would have shown nothing.
      if (rounds >= 20) expect(cutRuns).toBeGreaterThan(0);
    });
  },
);

function daysOf(entries: readonly Entry[], kind: string): Set<string> {
  return new Set(
    entries
      .filter((entry) => entry.kind === kind)
      .flatMap(({ details }) => details.days.map(({ day }) => day)),
  );
}

import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '#shared/runtime';

const rounds = Number(process.env.ROUNDS ?? 10);
const perBatch = 200;
const child = (name: string): string => join(packageRoot, 'test', 'support', 'children', name);

/** Inserts batches from `firstBatch` on until it is killed. @returns the numbers of those acknowledged */
async function insertUntilKilled(folder: string, firstBatch: number, killAfterMs: number): Promise<number[]> {
  const collectedAt = new Date().toISOString();
  const args = [child('store-insert.mjs'), folder, String(firstBatch), String(perBatch), collectedAt];
  const inserter = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  let complaints = '';
  inserter.stderr.on('data', (chunk) => (complaints += chunk));
  const acknowledgedOne = new Promise<void>((resolve) => {
    inserter.stdout.on('data', (chunk) => {
      said += chunk;
      resolve();
    });
  });
  const ended = new Promise<NodeJS.Signals | null>((resolve) => {
    inserter.on('close', (_code, signal) => resolve(signal));
  });
  await Promise.race([acknowledgedOne, ended]);
  await new Promise((resolve) => setTimeout(resolve, killAfterMs));
  inserter.kill('SIGKILL');
  expect(await ended, complaints).toBe('SIGKILL');
  return said
    .slice(0, said.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);
}

describe(`the embedded store, killed ${rounds} times while it inserts`, () => {
  let folder: string;
  beforeAll(async () => {
    if (!existsSync(join(packageRoot, 'dist', 'shared', 'store', 'index.js'))) {
      throw new Error('the project is not built: npm run build');
    }
    folder = await mkdtemp(join(tmpdir(), 'griffie-kill-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('has every acknowledged event after each restart, once', async () => {
    const acknowledged = new Set<number>();
    let nextBatch = 1;
    for (let round = 0; round < rounds; round++) {
      const numbers = await insertUntilKilled(folder, nextBatch, Math.random() * 300);
      expect(numbers.length).toBeGreaterThan(0);
      for (const number of numbers) acknowledged.add(number);
      // The batch after the last acknowledged one may have been written or not; it comes again, under its name.
      nextBatch = Math.max(...acknowledged) + 1;

      const { stdout } = await promisify(execFile)(process.execPath, [child('store-read.mjs'), folder], {
        maxBuffer: 1 << 30,
      });
      const positions: string[] = JSON.parse(stdout);
      const seen = new Set(positions);
      expect(seen.size).toBe(positions.length);
      const missing = [...acknowledged].filter(
        (batch) => !Array.from({ length: perBatch }, (_, i) => `${batch}:${i}`).every((p) => seen.has(p)),
      );
      expect(missing).toEqual([]);
    }
  });
});

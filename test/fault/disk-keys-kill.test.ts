import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '#shared/runtime';
import { isBuilt } from '../support/griffie-process.ts';

const rounds = Number(process.env.ROUNDS ?? 1);
/** Where it kills itself; besides, it is killed at random. */
const steps = [
  'after disk_key.retired',
  'after the key',
  'before disk_key.created',
  'after disk_key.destroyed',
];
const child = join(packageRoot, 'test', 'support', 'children', 'disk-keys.mjs');

interface State {
  readonly entries: readonly {
    readonly kind: string;
    readonly details: { readonly keyId: number; readonly fingerprintSha256: string };
  }[];
  /** Numbers of the days whose event is read. */
  readonly stored: readonly number[];
  readonly keys: readonly { readonly id: number; readonly current: boolean }[];
  /** Digests of the keys that files need. */
  readonly needed: readonly string[];
  /** Names in the key folder. */
  readonly files: readonly string[];
}
interface Looked {
  /** As the kill left it, and after the next process had finished it. */
  readonly before: State;
  readonly after: State;
  readonly fault: string | null;
  readonly today: number;
}

/** Stores and takes away days until it is killed. @returns the last day that it said to be stored */
async function runUntilKilled(folder: string, firstDay: number, step: string | undefined): Promise<number> {
  const args = [child, folder, 'run', String(firstDay), ...(step === undefined ? [] : [step])];
  const runner = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  let complaints = '';
  runner.stderr.on('data', (chunk) => (complaints += chunk));
  const aWeek = new Promise<void>((resolve) => {
    runner.stdout.on('data', (chunk) => {
      said += chunk;
      // Keys die once a week, seven at a time.
      if (said.split('\n').length > 8) resolve();
    });
  });
  const ended = new Promise<NodeJS.Signals | null>((resolve) => {
    runner.on('close', (_code, signal) => resolve(signal));
  });
  if (step === undefined) {
    await Promise.race([aWeek, ended]);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 1000));
    runner.kill('SIGKILL');
  }
  expect(await ended, complaints).toBe('SIGKILL');
  return Math.max(firstDay, ...said.split('\n').filter(Boolean).map(Number));
}

describe.skipIf(!isBuilt)(
  `keys of the disk killed at ${steps.length} steps and ${rounds} times at random (needs npm run build)`,
  () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'griffie-disk-keys-'));
    });
    afterAll(() => rm(folder, { recursive: true, force: true }));

    it('no key is destroyed that a file needs, no certificate says so of a key that is there, nothing stored is lost', async () => {
      let today = 1;
      const cuts = [...steps, ...Array.from({ length: rounds }, () => undefined)];
      for (const step of cuts) {
        const last = await runUntilKilled(folder, today, step);
        // Opened at all: every key that a file needs is there, and the ledger's rules took every entry.
        const { stdout } = await promisify(execFile)(
          process.execPath,
          [child, folder, 'look', String(last)],
          {
            maxBuffer: 1 << 28,
          },
        );
        const looked: Looked = JSON.parse(stdout);
        expect(looked.fault, step).toBeNull();
        const days = [last - 1, last].filter((day) => day >= today);
        for (const state of [looked.before, looked.after]) {
          expect(state.stored).toEqual(expect.arrayContaining(days));
          const certified = state.entries.filter(({ kind }) => kind === 'disk_key.destroyed');
          for (const { details } of certified) {
            expect(state.files).not.toContain(`${details.keyId}.key`);
            expect(state.needed).not.toContain(details.fingerprintSha256);
          }
        }
        // What was begun is finished: each key is in the ledger, and none stands there that is gone.
        const { entries, files, keys } = looked.after;
        const alive = new Set<number>();
        for (const { kind, details } of entries) {
          if (kind === 'disk_key.created') alive.add(details.keyId);
          if (kind === 'disk_key.destroyed') alive.delete(details.keyId);
        }
        expect([...alive].map((id) => `${id}.key`).sort()).toEqual([...files].sort());
        expect(keys.filter(({ current }) => current)).toHaveLength(1);
        today = looked.today + 1;
      }
      expect(today).toBeGreaterThan(cuts.length * 2);
    });
  },
);

import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { packageRoot } from '#shared/runtime';
import { readResults, resultsText } from '../../bench/results.ts';
import { broken, runAll } from '../../bench/runner/run-all.ts';

const worker = join(packageRoot, 'test', 'support', 'children', 'bench-worker.mjs');

async function run(names: string[], { quick = false, onLine = (_: string, _abort: () => void) => {} } = {}) {
  const interrupted = new AbortController();
  const chosen = names.map((name) => ({
    ...{ name, title: `Title of ${name}` },
    run: () => Promise.reject(new Error('runs in a process of its own')),
  }));
  const ended: string[] = [];
  const lines: string[] = [];
  const results = await runAll(
    { chosen, rounds: 2, quick, events: undefined, json: undefined },
    {
      known: () => undefined,
      signal: interrupted.signal,
      worker,
      display: {
        show(line) {
          lines.push(line());
          onLine(line(), () => interrupted.abort());
        },
        clear() {},
      },
      ended: async ({ name }, { kind }) => void ended.push(`${name} ${kind}`),
    },
  );
  return { results, ended, lines };
}

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

async function expectGone(litter: string): Promise<void> {
  const [, pid = '', folder = ''] = /(\d+) (\/\S+)/.exec(litter) ?? [];
  await expect(access(folder)).rejects.toThrow();
  await vi.waitFor(() => expect(alive(Number(pid))).toBe(false), { timeout: 5_000 });
}

describe('the benchmarks run one after the other', () => {
  it('what fails, dies or cannot run here does not stop the others, and is named with the reason', async () => {
    const { results, ended } = await run(['failed', 'killed', 'skipped', 'done']);
    expect(ended).toEqual(['failed failed', 'killed failed', 'skipped skipped', 'done done']);
    expect(results.runs.map(({ name, rounds }) => [name, rounds])).toEqual([['done', 2]]);
    expect(results.without).toEqual([
      { name: 'failed', kind: 'failed', reason: 'the tables differ\nwhat it said of itself' },
      { name: 'killed', kind: 'failed', reason: 'its process ended with SIGKILL' },
      { name: 'skipped', kind: 'skipped', reason: 'needs what is not here' },
    ]);
  });

  it('each line says which of how many', async () => {
    const { lines } = await run(['done', 'skipped']);
    expect(lines).toEqual([
      '1/2 done: starting (0:00; all 0:00)',
      expect.stringMatching(/^2\/2 skipped: starting \(0:00; all 0:0\d\)$/),
    ]);
  });

  it('a promise that is not kept is named, and a quick run judges none', async () => {
    expect(broken((await run(['unkept'])).results)).toEqual(['unkept, speed: at least 5']);
    expect(broken((await run(['unkept'], { quick: true })).results)).toEqual([]);
  });

  it('leaves no process and no file behind', async () => {
    const { lines } = await run(['littering']);
    await expectGone(lines[1] ?? '');
  });

  it('an interruption ends the processes and starts no further benchmark', async () => {
    const { results, lines } = await run(['waiting', 'done'], {
      onLine: (line, abort) => void (/\d+ \//.test(line) && abort()),
    });
    expect(results.runs).toEqual([]);
    expect(results.without).toEqual([{ name: 'waiting', kind: 'failed', reason: 'interrupted' }]);
    await expectGone(lines.at(-1) ?? '');
  });

  it('results come back from their file as they were, a figure that never came included', async () => {
    const { results } = await run(['done', 'never', 'skipped']);
    const folder = await mkdtemp(join(tmpdir(), 'griffie-results-'));
    const path = join(folder, 'results.json');
    await writeFile(path, resultsText(results));
    expect(await readResults(path)).toEqual(results);
    await writeFile(path, (await readFile(path, 'utf8')).replace('"median": 2', '"median": "2"'));
    await expect(readResults(path)).rejects.toThrow('is no file of results');
    await rm(folder, { recursive: true });
  });
});

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '#shared/runtime';
import { benches } from '../../bench/benches.ts';
import { type Results, readResults } from '../../bench/results.ts';

/*
 * Every benchmark with small sizes, so that none rots: whether it runs to its end and measures something.
 * Promises are judged at their full size alone.
 */

const run = promisify(execFile);
const command = join(packageRoot, 'dist', 'test', 'bench', 'run.js');

/** Benchmarks that were made without a quick mode at the same time as it; there is to be no other. */
const withoutQuick = ['at-rest', 'disclosure'];
const names = benches.map(({ name }) => name);

let folder: string;
let results: Results;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'griffie-quick-'));
  const path = join(folder, 'results.json');
  // Its exit code says that one failed; which and why is in the file.
  await run(process.execPath, [command, ...names, '--quick', '--json', path]).catch(() => {});
  results = await readResults(path);
}, 300_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('npm run bench -- --quick', () => {
  it('no benchmark fails', () => {
    expect(results.without.filter(({ kind }) => kind === 'failed')).toEqual([]);
  });

  it('every benchmark ran, or says what it needs that is not here', () => {
    const skipped = results.without.map(({ name, reason }) => {
      if (!withoutQuick.includes(name)) expect(reason, name).toMatch(/^needs /);
      return name;
    });
    expect([...results.runs.map(({ name }) => name), ...skipped].sort()).toEqual([...names].sort());
  });

  it('every figure is a number', () => {
    const figures = results.runs.flatMap(({ name: bench, rows }) =>
      rows.map(({ name, median, min, max }) => ({ bench, name, median, min, max })),
    );
    const isNumber = ({ median, min, max }: (typeof figures)[number]) =>
      [median, min, max].every(Number.isFinite);
    expect(figures.filter((figure) => !isNumber(figure))).toEqual([]);
    expect(figures.length).toBeGreaterThan(0);
  });
});

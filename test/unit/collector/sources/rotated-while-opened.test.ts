import { appendFile, copyFile, mkdtemp, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type * as OpenedFiles from '../../../../services/collector/sources/opened-file.ts';
import { openFile } from '../../../../services/collector/sources/opened-file.ts';

/* What a rotation does between the moment that a file is found and the one that it is read. */

/** Done before each opening. */
const meanwhile = vi.hoisted(() => ({ run: async (_path: string): Promise<void> => {} }));
vi.mock('../../../../services/collector/sources/opened-file.ts', async (original) => {
  const module = await original<typeof OpenedFiles>();
  return {
    ...module,
    openFile: async (path: string, inode: string, offset: number) => {
      await meanwhile.run(path);
      return module.openFile(path, inode, offset);
    },
  };
});
const { createFileSource } = await import('../../../../services/collector/sources/index.ts');

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'griffie-rotated-'));
  path = join(folder, 'mail.log');
});
afterEach(async () => {
  meanwhile.run = async () => {};
  await rm(folder, { recursive: true, force: true });
});

it.each([
  ['and is empty', []],
  ['and has begun anew', ['fourth']],
])('a file that is copied and cut before it is opened is read from its copy (%s)', async (_, afterwards) => {
  await writeFile(path, 'first\n');
  const source = createFileSource({ path, from: 'beginning', pollMs: 2, settleMs: 10 });
  await source.open(undefined);
  const { signal } = new AbortController();
  expect((await source.read(10, signal)).lines.map(({ text }) => text)).toEqual(['first']);

  await rename(path, `${path}.1`);
  await writeFile(path, 'second\nthird\n');
  let done = false;
  meanwhile.run = async (opened) => {
    if (done || opened !== path) return;
    done = true;
    await rename(`${path}.1`, `${path}.2`);
    await copyFile(path, `${path}.1`);
    await truncate(path, 0);
    for (const text of afterwards) await appendFile(path, `${text}\n`);
  };
  const texts: string[] = [];
  for (let reads = 0; reads < 100; reads++) {
    const { lines, gaps } = await source.read(10, signal);
    expect(gaps).toEqual([]);
    texts.push(...lines.map(({ text }) => text));
  }
  await source.close();
  expect(done).toBe(true);
  expect(texts).toEqual(['second', 'third', ...afterwards]);
});

it('a compressed file is read itself, whatever has its name by then', async () => {
  const compressed = `${path}.2.gz`;
  await writeFile(compressed, gzipSync('one\ntwo\n'));
  const { ino } = await stat(compressed, { bigint: true });
  const file = await openFile(compressed, String(ino), 4);
  await rename(compressed, `${path}.3.gz`);
  await writeFile(compressed, gzipSync('another\nfile\n'));
  expect((await file?.reader.next())?.toString()).toBe('two\n');
  expect(await file?.reader.next()).toBeNull();
  await file?.reader.close();
});

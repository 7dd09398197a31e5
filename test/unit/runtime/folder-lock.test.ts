import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { lockFolder } from '#shared/runtime';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'griffie-test-'));
});
afterAll(() => rm(folder, { recursive: true }));

it('one of many that want a folder at the same time has it, and the next when it lets go', async () => {
  const locks = await Promise.all(Array.from({ length: 8 }, () => lockFolder(folder)));
  const [held, ...others] = locks.filter((lock) => lock !== null);
  expect(others).toEqual([]);
  expect(await held?.isHeld()).toBe(true);
  expect(await lockFolder(folder)).toBeNull();
  await held?.release();
  expect(await readdir(folder)).toEqual([]);
  const next = await lockFolder(folder);
  expect(next).not.toBeNull();
  await next?.release();
});

it('a holder whose name was taken from it can see that', async () => {
  const lock = await lockFolder(folder);
  await rm(join(folder, 'lock'));
  expect(await lock?.isHeld()).toBe(false);
  await lock?.release();
});

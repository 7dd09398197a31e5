import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { certificateDigest, writeListFile } from '#shared/certificates';
import { type Authority, makeAuthority } from '../support/authority.ts';
import { ListService } from '../support/list-service.ts';

/* Deny by default: an authority that must have a list certifies nobody while there is no current one. */

let s: ListService;
let must: Authority;
let inUse: Uint8Array;
beforeAll(async () => {
  must = await makeAuthority('Must');
  s = await ListService.start([must], [certificateDigest(must.certificate)]);
});
afterAll(() => s.stop());

it('without a list, or with a broken one, nobody is enrolled under it, while others are', async () => {
  const path = join(s.folder, 'must.crl');
  await s.look();
  expect(s.t.service.listFigures()).toMatchObject({ missing: 1 });
  expect(await s.tryEnrol(must, [])).toBe('certificate.revocation_unknown');
  expect(await s.tryEnrol(s.root, [])).toBe('ok');
  await writeFile(path, (await must.list()).subarray(0, 100));
  expect(await s.look()).toEqual(['revocation_list.malformed']);
  expect(await s.tryEnrol(must, [])).toBe('certificate.revocation_unknown');
  inUse = await must.list();
  await writeFile(path, inUse);
  expect(await s.look()).toEqual([]);
  expect(s.t.service.listFigures()).toMatchObject({ missing: 0 });
  expect(await s.tryEnrol(must, [])).toBe('ok');
});

it('a list that is gone from where it was put stays in use, until it runs out', async () => {
  const holder = await s.officer(must, []);
  await rm(s.folder, { recursive: true });
  expect(await s.look()).toEqual(['revocation_list.unreadable']);
  expect(await holder.ask()).toBe('ok');
  s.t.clock.advance(7 * 86_400_000);
  expect(await holder.ask()).toBe('proof.revocation_unknown');
  s.t.clock.advance(-7 * 86_400_000);
});

it('without what is kept of the list in use nobody can be looked up', async () => {
  const [name = ''] = await readdir(s.t.keptLists ?? '');
  const kept = join(s.t.keptLists ?? '', name);
  const other = writeListFile({ lists: [await must.list()], certificates: [must.certificate] });
  await writeFile(kept, other);
  expect(await s.tryEnrol(must, [])).toBe('certificate.revocation_unknown');
  await rm(kept);
  expect(await s.tryEnrol(must, [])).toBe('certificate.revocation_unknown');
  // The same list, put there once more, mends it.
  await mkdir(s.folder);
  await writeFile(join(s.folder, 'must.crl'), inUse);
  expect(await s.look()).toEqual([]);
  expect(await s.tryEnrol(must, [])).toBe('ok');
});

import { mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createServerDiskKeys, prepareServerDisk } from '#shared/store';
import { fingerprintIn, reencrypted } from '../../../shared/store/encryption/encrypted-file.ts';

/** An empty file of the encrypted disk, under the key 11…11. */
const file = Buffer.from(
  `454e43020002006f25e59cb60bab51311daf2192ea82ca2c0152e62ad1ca984bed90243910fb94${'00'.repeat(25)}`,
  'hex',
);
const now = Date.parse('2096-06-10T00:00:00.000Z');

describe('a key that changes while the server writes', () => {
  let root: string;
  let disk: Awaited<ReturnType<typeof prepareServerDisk>>;
  const at = (name: string): string => join(root, name);
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'griffie-server-disk-'));
    const configurationFile = at('storage_keys.xml');
    disk = await prepareServerDisk({ folder: at('disk'), keyFolder: at('keys'), configurationFile, now });
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const firstKey = async () => {
    const [first] = await disk.keys.list();
    if (first === undefined) throw new Error('no key was made');
    return first;
  };
  /** A file under the first key, as the server leaves it. */
  async function write(path: string, writtenAt: number): Promise<void> {
    const { secret } = await firstKey();
    await mkdir(dirname(at(`disk/${path}`)), { recursive: true });
    await writeFile(at(`disk/${path}`), reencrypted(file, Buffer.alloc(32, 0x11), secret));
    await utimes(at(`disk/${path}`), writtenAt, writtenAt);
  }
  const anHourAgo = Date.now() / 1000 - 3600;

  it('puts no other file in the place of one that it may still write to, and destroys no key of it', async () => {
    const first = await firstKey();
    await write('store/a/done_1_1_0/data.bin', anHourAgo);
    const open = [
      'store/a/tmp_merge_held_1_2_1/data.bin',
      'store/a/deduplication_logs/1.txt',
      'store/a/fresh_2_2_0/data.bin',
    ];
    for (const path of open) await write(path, path.includes('fresh') ? Date.now() / 1000 : anHourAgo);
    const told: string[] = [];
    const reload = async () => void told.push(await readFile(disk.configurationFile, 'utf8'));
    const keys = createServerDiskKeys(disk, { reload });
    const changed = await keys.change({ now: now + 1000, create: true, destroy: [first.id] });
    const under = async (path: string) => fingerprintIn(await readFile(at(`disk/${path}`)));
    expect(await under('store/a/done_1_1_0/data.bin')).toBe(changed?.created?.fingerprint);
    for (const path of open) expect(await under(path), path).toBe(first.fingerprint);
    expect(changed?.destroyed).toEqual([]);
    expect(await disk.keys.list()).toHaveLength(2);
    // Told of the new key once, and never to forget the other.
    expect(told).toEqual([expect.stringContaining(`<current_key_id>${changed?.created?.id}<`)]);
    expect(told[0]).toContain(`<key_hex id="${first.id}" `);
  });

  it('keeps a key under which a file came while it was forgotten', async () => {
    const { id } = await firstKey();
    const knows: boolean[] = [];
    const reload = async (): Promise<void> => {
      const text = await readFile(disk.configurationFile, 'utf8');
      knows.push(text.includes(`<key_hex id="${id}" `));
      if (knows.at(-1) === false) await write('store/a/20960609_1_1_0/data.bin', anHourAgo);
    };
    const keys = createServerDiskKeys(disk, { reload });
    const changed = await keys.change({ now: now + 1000, create: true, destroy: [id] });
    expect([changed?.destroyed, knows]).toEqual([[], [true, false, true]]);
    expect((await keys.list()).map((key) => key.id)).toContain(id);
  });
});

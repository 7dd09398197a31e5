import { createDecipheriv, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { diskOfKey } from '#shared/control';
import { keyFolderOf } from '#shared/store';
import {
  fingerprintIn,
  fingerprintOf,
  headerBytes,
  reencrypted,
} from '../../../shared/store/encryption/encrypted-file.ts';
import { openKeyStore } from '../../../shared/store/encryption/key-store.ts';

const keyOf = (byte: number): Buffer => Buffer.alloc(32, byte);
/** The table's own file `format_version.txt`, which says 1, as engine 26.7 wrote it under the key 11…11. */
const written = Buffer.from(
  `454e43020002006f25e59cb60bab51311daf2192ea82ca2c0152e62ad1ca984bed90243910fb94${'00'.repeat(25)}`,
  'hex',
);

describe('files of the encrypted disk', () => {
  it('name their key as the engine does', () => {
    expect(fingerprintOf(keyOf(0x11))).toBe('6f25e59cb60bab51311daf2192ea82ca');
    expect(fingerprintOf(keyOf(0x22))).toBe('0ca17f704b27f9c8f9263819b6c1ddca');
    expect(fingerprintIn(written)).toBe(fingerprintOf(keyOf(0x11)));
  });

  it.each([
    ['too short', written.subarray(0, headerBytes - 1)],
    ['another signature', Buffer.concat([Buffer.from('enc'), written.subarray(3)])],
    ['another version', Buffer.concat([Buffer.from('ENC\x01\x00'), written.subarray(5)])],
    ['another algorithm', Buffer.concat([written.subarray(0, 5), Buffer.from([0, 0]), written.subarray(7)])],
    ['zeros', Buffer.alloc(headerBytes)],
  ])('and say nothing of it where they are none: %s', (_, file) => {
    expect(fingerprintIn(file)).toBeNull();
  });

  it('have the same contents under another key', () => {
    const contents = randomBytes(1000);
    const decrypted = (file: Buffer, key: Buffer): Buffer => {
      const decipher = createDecipheriv('aes-256-ctr', key, file.subarray(23, 39));
      return Buffer.concat([decipher.update(file.subarray(headerBytes)), decipher.final()]);
    };
    const before = Buffer.concat([written, contents]);
    const after = reencrypted(before, keyOf(0x11), keyOf(0x22));
    expect(fingerprintIn(after)).toBe(fingerprintOf(keyOf(0x22)));
    expect(after.subarray(23, 39)).not.toEqual(before.subarray(23, 39));
    expect(decrypted(after, keyOf(0x22))).toEqual(decrypted(before, keyOf(0x11)));
  });
});

describe('the key store', () => {
  it('finishes what a crash left of a key on its way out, and of one that was not in use yet', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'griffie-key-store-'));
    try {
      const store = await openKeyStore(folder);
      const first = await store.create(5000);
      const second = await store.create(5000);
      expect([first.id, second.id]).toEqual([5, 6]);
      await store.erase(5);
      await store.erase(5);
      for (const name of ['4.key.erasing', '7.key.tmp'])
        await writeFile(join(folder, name), 'left', { mode: 0o600 });
      expect((await (await openKeyStore(folder)).list()).map(({ id }) => id)).toEqual([6]);
      expect(await readdir(folder)).toEqual(['6.key']);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('makes ids with the number of a disk, and takes no key of another one', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'griffie-key-store-'));
    const now = Date.parse('2026-11-28T00:00:00.000Z');
    try {
      const store = await openKeyStore(folder, 17);
      const ids = [(await store.create(now)).id, (await store.create(now)).id];
      expect(ids).toEqual([now + 17, now + 1017]);
      expect(ids.map(diskOfKey)).toEqual([17, 17]);
      for (const disk of [0, 18]) {
        await expect((await openKeyStore(folder, disk)).list()).rejects.toMatchObject({
          code: 'store.keys_unusable',
        });
      }
      const plain = await openKeyStore(join(folder, 'plain'));
      expect(diskOfKey((await plain.create(now)).id)).toBe(0);
      await expect((await openKeyStore(join(folder, 'plain'), 17)).list()).rejects.toThrow('disk');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('is beside the data or where it is said, and never in them', () => {
    expect(keyFolderOf('/var/lib/griffie')).toBe('/var/lib/griffie-disk-keys');
    expect(keyFolderOf('/var/lib/griffie', '/etc/griffie/keys')).toBe('/etc/griffie/keys');
    for (const inside of ['/var/lib/griffie', '/var/lib/griffie/keys', '/var/lib/x/../griffie/keys']) {
      expect(() => keyFolderOf('/var/lib/griffie', inside), inside).toThrow('in the data folder');
    }
  });
});

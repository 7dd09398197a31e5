import { randomBytes } from 'node:crypto';
import { open, readdir, readFile, rename, stat, unlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { diskOfKey } from '#shared/control';
import { makePrivateFolder, syncFolder, utc, writeFileDurably } from '#shared/runtime';
import { utcTimestamp } from '#shared/traffic';
import { StoreError } from '../errors.ts';
import { digestOf, fingerprintOf, keyBytes } from './encrypted-file.ts';

/*
 * The keys of the disk, one file each, in a folder that is no part of the data: who copies the data has none
 * of them. A key is destroyed in three steps that each are durable before the next: renamed to `….erasing`,
 * from where there is no way back; overwritten; unlinked. What a crash leaves of it is finished at the next
 * opening, and so is the unfinished file of a key that was not in use yet.
 */

export interface DiskKey {
  /**
   * Seconds since the epoch of its making, or one more than the id before it. Of a disk with a number, which one
   * of several hosts has, a thousand times that and the number.
   */
  readonly id: number;
  /** RFC 3339 UTC. */
  readonly createdAt: string;
  /** As the headers of files have it, hex. */
  readonly fingerprint: string;
  /** As the ledger has it, SHA-256 of the fingerprint, hex. */
  readonly digest: string;
}

export interface StoredKey extends DiskKey {
  readonly secret: Buffer;
}

/** What others may know of a key. */
export const nameOf = ({ secret: _, ...key }: StoredKey): DiskKey => key;

export interface KeyStore {
  readonly folder: string;
  /** The oldest first; the last one is the one to write under. */
  list(): Promise<StoredKey[]>;
  /** Durable once resolved. @param now milliseconds since the epoch */
  create(now: number): Promise<StoredKey>;
  /** Overwrites the key and takes it away, for ever. One that is not there is no error. */
  erase(id: number): Promise<void>;
}

const keyFile = z.strictObject({
  id: z.int().min(1),
  createdAt: utcTimestamp,
  keyHex: z.string().regex(new RegExp(`^[0-9a-f]{${keyBytes * 2}}$`)),
});
const fileOf = (id: number): string => `${id}.key`;
const keyName = /^[1-9]\d{0,14}\.key$/;
const leftover = /\.(erasing|tmp)$/;

/**
 * Opens the folder, or makes it.
 * @param disk number of the disk, 0 to 999
 * @throws {StoreError} `store.keys_unusable`
 */
export async function openKeyStore(folder: string, disk = 0): Promise<KeyStore> {
  const step = disk === 0 ? 1 : 1000;
  try {
    await makePrivateFolder(folder);
    for (const name of await readdir(folder)) if (leftover.test(name)) await overwriteAndUnlink(folder, name);
  } catch {
    throw unusable(folder, 'it cannot be made or written by this user; name another folder');
  }

  async function read(name: string): Promise<StoredKey> {
    const path = join(folder, name);
    try {
      if (((await stat(path)).mode & 0o077) !== 0)
        throw unusable(path, 'others than the service can read it');
      const { id, createdAt, keyHex } = keyFile.parse(JSON.parse(await readFile(path, 'utf8')));
      if (fileOf(id) !== name) throw unusable(path, 'it has the id of another file');
      if (diskOfKey(id) !== disk) throw unusable(path, "it is of another host's disk");
      const secret = Buffer.from(keyHex, 'hex');
      const fingerprint = fingerprintOf(secret);
      return { id, createdAt, fingerprint, digest: digestOf(fingerprint), secret };
    } catch (error) {
      // The cause is dropped on purpose: nothing about a key goes further.
      throw error instanceof StoreError ? error : unusable(path, 'it is no key; restore it from its backup');
    }
  }

  async function list(): Promise<StoredKey[]> {
    const names = (await readdir(folder)).filter((name) => keyName.test(name));
    const keys = await Promise.all(names.map(read));
    return keys.sort((a, b) => a.id - b.id);
  }

  return {
    folder,
    list,

    async create(now) {
      const last = (await list()).at(-1);
      const id = Math.max(Math.floor(now / 1000) * step + disk, (last?.id ?? 0) + step);
      const key = { id, createdAt: utc(now), keyHex: randomBytes(keyBytes).toString('hex') };
      await writeFileDurably(join(folder, fileOf(id)), `${JSON.stringify(key)}\n`);
      return read(fileOf(id));
    },

    async erase(id) {
      const going = `${fileOf(id)}.erasing`;
      try {
        await rename(join(folder, fileOf(id)), join(folder, going));
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
        throw error;
      }
      await syncFolder(folder);
      await overwriteAndUnlink(folder, going);
    },
  };
}

async function overwriteAndUnlink(folder: string, name: string): Promise<void> {
  const path = join(folder, name);
  const file = await open(path, 'r+');
  try {
    const { size } = await file.stat();
    await file.write(randomBytes(size), 0, size, 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await unlink(path);
  await syncFolder(folder);
}

/**
 * Where the keys of a data folder are: where it was said, or beside that folder. Never in it, because whoever
 * copies the data must not have them.
 * @throws {StoreError} `store.keys_unusable`
 */
export function keyFolderOf(dataFolder: string, given?: string): string {
  const data = resolve(dataFolder);
  const folder = given === undefined ? `${data}-disk-keys` : resolve(given);
  if (folder === data || folder.startsWith(`${data}/`)) {
    throw unusable(folder, 'it is in the data folder, and would be copied with it; name another folder');
  }
  return folder;
}

const unusable = (path: string, why: string): StoreError =>
  new StoreError(
    'store.keys_unusable',
    `The key store of the encrypted disk cannot be used: ${path}: ${why}`,
  );

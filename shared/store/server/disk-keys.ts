import { randomBytes } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeFileDurably } from '#shared/runtime';
import type { DiskKeys, DiskKeysChanged } from '../disk-keys.ts';
import { type DiskLook, lookAtDisk } from '../encryption/disk-look.ts';
import { type KeyStore, nameOf, openKeyStore, type StoredKey } from '../encryption/key-store.ts';
import { rewriteOthers } from '../encryption/rewrite.ts';
import { assertKeysThere, usesOf } from '../encryption/uses.ts';

/*
 * The keys of a ClickHouse server's encrypted disk, from the server's own host: the server reads them from a
 * file of its configuration, which it reads again by itself when that changes (config_reload_interval_ms).
 *
 * It writes on while keys change. So a key is destroyed in this order: the server is told to forget it, then
 * all headers are read until two looks in succession find the same and none that names the key; a part that
 * was moved while the first one looked is seen by the second. A key that is needed after all comes back.
 */

export interface ServerDiskOptions {
  /** The disk's folder on this host. */
  readonly folder: string;
  readonly keyFolder: string;
  /** In the server's `config.d`; holds the keys themselves. Written here, and by nobody else. */
  readonly configurationFile: string;
  /** Clock reading at which a first key is made, milliseconds since the epoch. */
  readonly now: number;
  /** How long the server may take to read its configuration again, milliseconds. */
  readonly reloadMs?: number;
}

/** Most looks for two that agree; a server that merges without a pause ends it for now. */
const maxLooks = 10;

/** @throws {StoreError} `store.key_missing`, `store.keys_unusable` */
export async function openServerDiskKeys(options: ServerDiskOptions): Promise<DiskKeys> {
  const { folder, keyFolder, configurationFile, now: openedAt, reloadMs = 10_000 } = options;
  const keys = await openKeyStore(keyFolder);
  const there = await keys.list();
  assertKeysThere(there, await lookAtDisk(folder), keyFolder);
  if (there.length === 0) await keys.create(openedAt);
  await writeConfiguration(configurationFile, await keys.list());

  async function steadyLook(): Promise<DiskLook | null> {
    let before = await lookAtDisk(folder);
    for (let looks = 0; looks < maxLooks; looks++) {
      const after = await lookAtDisk(folder);
      if (sameUses(before, after)) return after;
      before = after;
    }
    return null;
  }

  async function destroyFree(ids: readonly number[]): Promise<{ destroyed: number[]; files: number }> {
    const list = await keys.list();
    const going = list.slice(0, -1).filter(({ id }) => ids.includes(id));
    if (going.length === 0) return { destroyed: [], files: 0 };
    const left = list.filter((key) => !going.includes(key));
    await writeConfiguration(configurationFile, left);
    await sleep(reloadMs);
    const look = await steadyLook();
    const free = going.filter(({ fingerprint }) => look?.strange === 0 && !look.uses.has(fingerprint));
    for (const { id } of free) await keys.erase(id);
    if (free.length < going.length) await writeConfiguration(configurationFile, await keys.list());
    return { destroyed: free.map(({ id }) => id), files: look?.files ?? 0 };
  }

  return {
    list: async () => (await keys.list()).map(nameOf),
    look: async () => usesOf(await keys.list(), await lookAtDisk(folder), folder),

    async change({ now, create, destroy }): Promise<DiskKeysChanged> {
      const created = create ? nameOf(await createAndTell(keys, now, configurationFile)) : null;
      if (created !== null) await sleep(reloadMs);
      await rewriteOthers(folder, await lookAtDisk(folder), await keys.list());
      return { created, ...(await destroyFree(destroy)) };
    },
  };
}

async function createAndTell(keys: KeyStore, now: number, configurationFile: string): Promise<StoredKey> {
  const key = await keys.create(now);
  await writeConfiguration(configurationFile, await keys.list());
  return key;
}

/** Replaces the file, and overwrites what it held before: that has keys which may be about to be destroyed. */
async function writeConfiguration(path: string, keys: readonly StoredKey[]): Promise<void> {
  const before = await openIfThere(path);
  try {
    await writeFileDurably(path, serverConfiguration(keys));
    if (before === null) return;
    const { size } = await before.stat();
    await before.write(randomBytes(size), 0, size, 0);
    await before.sync();
  } finally {
    await before?.close();
  }
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r+');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** Beside storage.xml, which has the disk. The server keeps its keys out of the copy that it makes of it. */
function serverConfiguration(keys: readonly StoredKey[]): string {
  const lines = keys.map(
    ({ id, secret }) =>
      `        <key_hex id="${id}" hide_in_preprocessed="true">${secret.toString('hex')}</key_hex>`,
  );
  return `<clickhouse>
  <storage_configuration>
    <disks>
      <griffie_encrypted>
${lines.join('\n')}
        <current_key_id>${keys.at(-1)?.id}</current_key_id>
      </griffie_encrypted>
    </disks>
  </storage_configuration>
</clickhouse>
`;
}

/** Whether two looks found the same numbers of files under the same keys, of the same days. */
function sameUses(a: DiskLook, b: DiskLook): boolean {
  const text = ({ uses, files, strange }: DiskLook): string =>
    JSON.stringify([files, strange, [...uses].sort(([one], [other]) => (one < other ? -1 : 1))]);
  return text(a) === text(b);
}

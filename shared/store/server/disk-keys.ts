import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { writeFileDurably } from '#shared/runtime';
import type { DiskKeys, DiskKeysChanged } from '../disk-keys.ts';
import { type DiskLook, lookAtDisk } from '../encryption/disk-look.ts';
import { type KeyStore, keyFolderOf, nameOf, openKeyStore, type StoredKey } from '../encryption/key-store.ts';
import { rewriteOthers } from '../encryption/rewrite.ts';
import { assertKeysThere, usesOf } from '../encryption/uses.ts';

/*
 * The keys of a ClickHouse server's encrypted disk, from the server's own host: the server reads them from a
 * file of its configuration, and applies them to the open disk (DiskEncrypted::applyNewSettings) when it is told
 * to read that again, or by itself within some seconds.
 *
 * It writes on while keys change. So a key that no file needs is destroyed in this order: the server is told to
 * forget it, then all headers are read until two looks in succession find the same and none that names the key;
 * a part that was moved while the first one looked is seen by the second. A key that is needed after all comes
 * back.
 */

export interface ServerDiskOptions {
  /** The disk's folder on this host. */
  readonly folder: string;
  readonly keyFolder: string;
  /** In the server's `config.d` or `conf.d`; holds the keys themselves. Written here, and by nobody else. */
  readonly configurationFile: string;
  /** Number of this host's disk, where several hosts have one; 0 otherwise. */
  readonly disk?: number;
  /** Clock reading at which a first key is made, milliseconds since the epoch. */
  readonly now: number;
}

/** A server's disk with every key that its files need, in the key store and in the server's configuration. */
export interface ServerDisk {
  readonly folder: string;
  readonly keys: KeyStore;
  readonly configurationFile: string;
}

/**
 * Makes ready what a server needs to start on its encrypted disk: a first key for a new one, and the keys in
 * its configuration. To be done before the server's first start; at any other time it changes nothing.
 * @throws {StoreError} `store.key_missing`, `store.keys_unusable`
 */
export async function prepareServerDisk(options: ServerDiskOptions): Promise<ServerDisk> {
  const { folder, configurationFile, now } = options;
  const keyFolder = keyFolderOf(folder, options.keyFolder);
  const keys = await openKeyStore(keyFolder, options.disk);
  const there = await keys.list();
  assertKeysThere(there, await lookAtDisk(folder), keyFolder);
  if (there.length === 0) await keys.create(now);
  await writeConfiguration(configurationFile, await keys.list());
  return { folder, keys, configurationFile };
}

/** Most looks for two that agree; a server that merges without a pause ends it for now. */
const maxLooks = 10;

/**
 * How long ago a file was written last that the server writes to no more: nothing that it still writes to rests
 * for so long.
 */
const settledMs = 10 * 60_000;

/** @param options.reload has the server read its configuration; resolves once that is in force */
export function createServerDiskKeys(
  { folder, keys, configurationFile }: ServerDisk,
  options: { readonly reload: () => Promise<void>; readonly settledMs?: number },
): DiskKeys {
  const isSettled = settledFor(options.settledMs ?? settledMs);

  async function tell(list: readonly StoredKey[]): Promise<void> {
    await writeConfiguration(configurationFile, list);
    await options.reload();
  }

  async function steadyLook(): Promise<DiskLook | null> {
    let before = await lookAtDisk(folder);
    for (let looks = 0; looks < maxLooks; looks++) {
      const after = await lookAtDisk(folder);
      if (sameUses(before, after)) return after;
      before = after;
    }
    return null;
  }

  /** Looks at the disk while the server does not know some keys; where that fails, its next start finds them. */
  async function forgotten(
    list: readonly StoredKey[],
    going: readonly StoredKey[],
  ): Promise<DiskLook | null> {
    try {
      await tell(list.filter((key) => !going.includes(key)));
      return await steadyLook();
    } catch (error) {
      await writeConfiguration(configurationFile, list);
      throw error;
    }
  }

  async function destroyFree(ids: readonly number[]): Promise<{ destroyed: number[]; files: number }> {
    const list = await keys.list();
    // While a file needs a key, the server is not made to forget it: who reads meanwhile would be refused.
    const { uses } = await lookAtDisk(folder);
    const going = list
      .slice(0, -1)
      .filter(({ id, fingerprint }) => ids.includes(id) && !uses.has(fingerprint));
    if (going.length === 0) return { destroyed: [], files: 0 };
    const look = await forgotten(list, going);
    const free = going.filter(({ fingerprint }) => look?.strange === 0 && !look.uses.has(fingerprint));
    for (const { id } of free) await keys.erase(id);
    if (free.length < going.length) await tell(await keys.list());
    return { destroyed: free.map(({ id }) => id), files: look?.files ?? 0 };
  }

  return {
    list: async () => (await keys.list()).map(nameOf),
    look: async () => usesOf(await keys.list(), await lookAtDisk(folder), folder),

    async change({ now, create, destroy }): Promise<DiskKeysChanged> {
      const created = create ? nameOf(await keys.create(now)) : null;
      if (created !== null) await tell(await keys.list());
      await rewriteOthers(folder, await lookAtDisk(folder), await keys.list(), isSettled);
      return { created, ...(await destroyFree(destroy)) };
    },
  };
}

/**
 * Whether a running server is done with a file, so that another may be put in its place. What it writes lies in
 * folders `tmp_…` until it is whole; its logs of inserts are open for as long as it runs.
 */
const settledFor =
  (leastMs: number) =>
  (path: string, { mtimeMs }: Stats): boolean =>
    !/(^|\/)(tmp|delete_tmp|moving|deduplication_logs)(_|\/)/.test(path) && Date.now() - mtimeMs > leastMs;

/** Replaces the file, and overwrites what it held before: that has keys which may be about to be destroyed. */
async function writeConfiguration(path: string, keys: readonly StoredKey[]): Promise<void> {
  const text = serverConfiguration(keys);
  const before = await openIfThere(path);
  try {
    if ((await before?.readFile('utf8')) === text) return;
    await writeFileDurably(path, text);
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

/**
 * Beside storage.xml, which has the disks; the server keeps the keys out of the copy that it makes of its
 * configuration. The plain disk is named because the encrypted one must come after it, also where this file is
 * read before storage.xml, as those of `conf.d` are.
 */
function serverConfiguration(keys: readonly StoredKey[]): string {
  const lines = keys.map(
    ({ id, secret }) =>
      `        <key_hex id="${id}" hide_in_preprocessed="true">${secret.toString('hex')}</key_hex>`,
  );
  return `<clickhouse>
  <storage_configuration>
    <disks>
      <griffie_plain/>
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

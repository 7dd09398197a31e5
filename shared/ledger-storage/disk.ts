import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { privateModes, syncFolder } from '#shared/runtime';

/**
 * The few file operations that durability is made of, each one a step at which a machine can stop. The
 * tests put a simulated disk here that forgets what was not synced.
 */
export interface Disk {
  /** @returns undefined where there is no such file. Rejects where it is longer than `maxBytes`. */
  read(path: string, maxBytes: number): Promise<Uint8Array | undefined>;
  /** Writes a new file and syncs its contents; its name is durable only once its folder is synced. */
  writeSynced(path: string, bytes: Uint8Array): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** One folder, in an existing one; that it exists already is no error. */
  makeFolder(path: string): Promise<void>;
  /** Makes the names in a folder durable. */
  syncFolder(path: string): Promise<void>;
  /** Names in a folder; none where there is no such folder. */
  list(path: string): Promise<string[]>;
  /** Removes a file or a folder with what is in it; that it is not there is no error. */
  remove(path: string): Promise<void>;
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');

export const nodeDisk: Disk = {
  read: async (path, maxBytes) => {
    try {
      const { size } = await stat(path);
      if (size > maxBytes) throw new RangeError('a ledger file is longer than the format allows');
      return await readFile(path);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  },
  writeSynced: async (path, bytes) => {
    const file = await open(path, 'w', privateModes.file);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
  },
  rename,
  makeFolder: async (path) => {
    try {
      await mkdir(path, { mode: privateModes.folder });
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
  },
  syncFolder,
  list: async (path) => {
    try {
      return await readdir(path);
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  },
  remove: (path) => rm(path, { recursive: true, force: true }),
};

import { chmod, mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Modes of everything Griffie keeps: its own user only. */
export const privateModes = { file: 0o600, folder: 0o700 } as const;

/** Makes a folder for Griffie's own user only; one that is there already is narrowed to that. */
export async function makePrivateFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: privateModes.folder });
  await chmod(path, privateModes.folder);
}

/** Makes the names in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * Replaces a file so that after any crash either the old or the new bytes are there, whole: a temporary
 * file, fsync, rename, fsync of the folder.
 * @param temporary on the same disk; where several may write the file at once, each has its own
 */
export async function writeFileDurably(
  path: string,
  bytes: Uint8Array | string,
  temporary = `${path}.tmp`,
): Promise<void> {
  await writeFileSynced(temporary, bytes, 'w');
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/**
 * Writes a file and syncs it; its name is durable once its folder was synced.
 * @param flags `wx`: rejects with `EEXIST` where the file is there already
 */
export async function writeFileSynced(
  path: string,
  bytes: Uint8Array | string,
  flags: 'w' | 'wx',
): Promise<void> {
  const file = await open(path, flags, privateModes.file);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

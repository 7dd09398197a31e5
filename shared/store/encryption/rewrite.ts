import type { Stats } from 'node:fs';
import { open, readFile, rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder } from '#shared/runtime';
import { type DiskLook, sizeOf } from './disk-look.ts';
import { fingerprintIn, reencrypted } from './encrypted-file.ts';
import type { StoredKey } from './key-store.ts';

/** Most bytes that are written anew for one key: small tables and the tables' own files, never days. */
export const maxRewrittenBytes = 64 * 1024 * 1024;

/**
 * Writes what belongs to no day under the last key, so that it lives and dies with the newest days, in every
 * copy too: a copy is opened with the keys of its days alone.
 * @param keys the oldest first
 * @param isSettled whether the engine writes to a file no more; of one that is closed that is every file
 */
export async function rewriteOthers(
  folder: string,
  { uses }: DiskLook,
  keys: readonly StoredKey[],
  isSettled: (path: string, status: Stats) => boolean = () => true,
): Promise<void> {
  const to = keys.at(-1);
  for (const from of keys.slice(0, -1)) {
    const others = uses.get(from.fingerprint)?.others ?? [];
    if (to === undefined || (await sizeOf(folder, others)) > maxRewrittenBytes) continue;
    await rewriteUnder(folder, others, { from, to, isSettled });
  }
}

/**
 * Writes files anew under another key, each whole or not at all. What reads one meanwhile has the old or the
 * new file, and each says itself which key it needs.
 */
async function rewriteUnder(
  folder: string,
  paths: readonly string[],
  how: {
    readonly from: StoredKey;
    readonly to: StoredKey;
    readonly isSettled: (path: string, status: Stats) => boolean;
  },
): Promise<void> {
  for (const path of paths) {
    const place = join(folder, path);
    const status = await stat(place).catch(noneIfGone);
    // Gone with its table or part since it was listed.
    if (status === null || !how.isSettled(path, status)) continue;
    await rewriteFile(place, status.mode & 0o777, how).catch(noneIfGone);
  }
}

async function rewriteFile(
  place: string,
  mode: number,
  { from, to }: { readonly from: StoredKey; readonly to: StoredKey },
): Promise<void> {
  const file = await readFile(place);
  // Written anew already.
  if (fingerprintIn(file) !== from.fingerprint) return;
  const temporary = `${place}.tmp`;
  const handle = await open(temporary, 'w', mode);
  try {
    await handle.writeFile(reencrypted(file, from.secret, to.secret));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, place);
  await syncFolder(dirname(place));
}

function noneIfGone(error: unknown): null {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
  throw error;
}

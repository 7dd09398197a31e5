import type { BigIntStats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { beginsAs, type Fingerprint, headOfPath } from './fingerprint.ts';
import { SourceError } from './source.ts';

/** A file that a rotation may have made of the followed one. */
export interface RotatedFile {
  readonly path: string;
  readonly inode: string;
  readonly modifiedNs: bigint;
  /** As on disk. */
  readonly size: number;
  readonly compressed: boolean;
}

/** What to look for: see `FileResume`. */
export interface Wanted {
  readonly fingerprint: Fingerprint;
  /** It is at least this long, or it is not the one. */
  readonly offset: number;
}

/**
 * Names that logrotate, newsyslog, rsyslog and `postfix logrotate` give: `mail.log.1`, `mail.log-20261122`,
 * `mail.log.20261122-153000`, `mail-20261122.log` (logrotate's `extension`), each with or without `.gz`.
 */
export function isRotatedName(name: string, base: string): boolean {
  const bare = name.endsWith('.gz') ? name.slice(0, -3) : name;
  const suffix = /^[.-]\d[\dTZ:._-]*$/;
  if (bare.startsWith(base)) return suffix.test(bare.slice(base.length));
  const extension = extname(base);
  const stem = base.slice(0, base.length - extension.length);
  if (extension === '' || !bare.startsWith(stem) || !bare.endsWith(extension)) return false;
  return suffix.test(bare.slice(stem.length, bare.length - extension.length));
}

/** The followed file's place and what is beside it, at one moment. */
export interface Surroundings {
  /** The file at the path; null where there is none. */
  readonly live: BigIntStats | null;
  /** Rotated files that hold anything, oldest first. */
  readonly rotated: readonly RotatedFile[];
}

/** How often a folder that changes under the search is searched again before that is a fault. */
const maxSearches = 20;

/**
 * Runs a search over the folder until nothing was renamed, made or removed meanwhile. A rotation renames
 * one file after the other; seen half-way, a file that is there would be missing.
 * @throws SourceError `SOURCE_FOLDER_BUSY`
 */
export async function searchFolder<T>(
  path: string,
  search: (around: Surroundings) => Promise<T>,
): Promise<T> {
  let before = await lookAround(path);
  for (let attempt = 0; attempt < maxSearches; attempt++) {
    const result = await search(before);
    const after = await lookAround(path);
    if (placesOf(before) === placesOf(after)) return result;
    before = after;
  }
  throw new SourceError(
    'SOURCE_FOLDER_BUSY',
    'the files beside the log kept changing while they were searched',
  );
}

function placesOf({ live, rotated }: Surroundings): string {
  return JSON.stringify([String(live?.ino), rotated.map((file) => [file.path, file.inode])]);
}

async function lookAround(path: string): Promise<Surroundings> {
  const folder = dirname(path);
  const base = basename(path);
  const rotated: RotatedFile[] = [];
  for (const name of await namesIn(folder)) {
    if (!isRotatedName(name, base)) continue;
    const file = join(folder, name);
    const stats = await statOrNull(file);
    if (stats === null || !stats.isFile() || stats.size === 0n) continue;
    rotated.push({
      path: file,
      inode: String(stats.ino),
      modifiedNs: stats.mtimeNs,
      size: Number(stats.size),
      compressed: name.endsWith('.gz'),
    });
  }
  rotated.sort(inOrder(rotated));
  return { live: await liveFile(path), rotated };
}

/** Numbers say the order (`.2` is older than `.1`), where all have one; the last change does otherwise. */
function inOrder(files: readonly RotatedFile[]): (a: RotatedFile, b: RotatedFile) => number {
  const numberOf = ({ path }: RotatedFile) => Number(/[.](\d{1,4})(?:\.gz)?$/.exec(path)?.[1] ?? Number.NaN);
  if (!files.some((file) => Number.isNaN(numberOf(file)))) return (a, b) => numberOf(b) - numberOf(a);
  return (a, b) => (a.modifiedNs === b.modifiedNs ? 0 : a.modifiedNs < b.modifiedNs ? -1 : 1);
}

/**
 * Finds a file again among the rotated ones, by its first bytes. Plain files come before compressed ones,
 * which may still be in the making.
 * @throws the operating system's error where nothing matched and a file could not be read: an operator's
 *   mistake with rights must not look like a lost file.
 */
export function findRotated(path: string, wanted: Wanted): Promise<RotatedFile | null> {
  return searchFolder(path, async ({ rotated }) => {
    let unreadable: unknown;
    for (const file of [...rotated.filter((f) => !f.compressed), ...rotated.filter((f) => f.compressed)]) {
      if (!file.compressed && file.size < wanted.offset) continue;
      try {
        if (beginsAs(await headOfPath(file.path), wanted.fingerprint)) return file;
      } catch (error) {
        unreadable = error;
      }
    }
    if (unreadable !== undefined) throw unreadable;
    return null;
  });
}

/** The file at the path of a source. @throws SourceError `SOURCE_NOT_A_FILE` */
export async function liveFile(path: string): Promise<BigIntStats | null> {
  const stats = await statOrNull(path);
  if (stats !== null && !stats.isFile()) {
    throw new SourceError('SOURCE_NOT_A_FILE', 'the path of this source is not a regular file');
  }
  return stats;
}

async function statOrNull(path: string): Promise<BigIntStats | null> {
  try {
    return await stat(path, { bigint: true });
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

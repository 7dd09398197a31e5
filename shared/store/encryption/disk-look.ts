import { closeSync, type Dirent, openSync, readSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as eventLoop } from 'node:timers/promises';
import { fingerprintIn, headerBytes } from './encrypted-file.ts';

/** What is under one key. */
export interface KeyUse {
  /** Files of days of traffic, with what was put aside or is about to be removed. */
  readonly dayFiles: number;
  /** First and last day of collection among them, `2026-05-22`; null where there is none. */
  readonly firstDay: string | null;
  readonly lastDay: string | null;
  /** Paths of all others: of the tables themselves, and of tables that have no days. */
  readonly others: readonly string[];
}

/** What a disk's files say of their keys. */
export interface DiskLook {
  /** By fingerprint. */
  readonly uses: ReadonlyMap<string, KeyUse>;
  /** All files that have contents. */
  readonly files: number;
  /** Those of them that are no file of an encrypted disk: torn by a crash, or put there by somebody. */
  readonly strange: number;
}

/** A part of a day's partition, also with what the engine puts before or after its name. */
const dayPart = /(?:^|[/_])(\d{4})(\d{2})(\d{2})_\d+_\d+_\d+(?:_|\/|$)/;

/** How long the event loop may wait for this, milliseconds: most headers come out of the page cache. */
const stretchMs = 5;

/**
 * Reads the header of every file under a folder. It holds for an engine that is closed; of one that writes
 * meanwhile it may miss what was renamed while it looked.
 */
export async function lookAtDisk(folder: string): Promise<DiskLook> {
  const uses = new Map<
    string,
    { dayFiles: number; firstDay: string | null; lastDay: string | null; others: string[] }
  >();
  let files = 0;
  let strange = 0;
  const start = Buffer.alloc(headerBytes);
  let since = performance.now();

  function take(path: string): void {
    const length = readStart(join(folder, path), start);
    if (length === 0) return;
    files += 1;
    const fingerprint = fingerprintIn(start.subarray(0, length));
    if (fingerprint === null) {
      strange += 1;
      return;
    }
    let use = uses.get(fingerprint);
    if (use === undefined) {
      use = { dayFiles: 0, firstDay: null, lastDay: null, others: [] };
      uses.set(fingerprint, use);
    }
    const found = dayPart.exec(path);
    if (found === null) {
      use.others.push(path);
      return;
    }
    const day = found.slice(1, 4).join('-');
    use.dayFiles += 1;
    if (use.firstDay === null || day < use.firstDay) use.firstDay = day;
    if (use.lastDay === null || day > use.lastDay) use.lastDay = day;
  }

  async function walk(below: string): Promise<void> {
    const folders: string[] = [];
    for (const entry of await entriesOf(join(folder, below))) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) folders.push(path);
      else if (entry.isFile()) take(path);
      if (performance.now() - since > stretchMs) {
        await eventLoop();
        since = performance.now();
      }
    }
    for (const path of folders) await walk(path);
  }

  await walk('');
  return { uses, files, strange };
}

/** Bytes of these files together. */
export async function sizeOf(folder: string, paths: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const path of paths) bytes += (await stat(join(folder, path)).catch(() => null))?.size ?? 0;
  return bytes;
}

/** @returns how many bytes there were; 0 for a file that is gone meanwhile, as files of merged parts are */
function readStart(path: string, into: Buffer): number {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if (isGone(error)) return 0;
    throw error;
  }
  try {
    return readSync(file, into, 0, into.length, 0);
  } finally {
    closeSync(file);
  }
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

const isGone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';

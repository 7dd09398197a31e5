import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readListFile } from '#shared/certificates';

/** Bounds of what an operator puts there. PEM takes a third more than the list in it. */
const bounds = { files: 64, fileBytes: 12 * 1024 * 1024, lists: 32 } as const;

/** What the operator has put there. */
export interface FoundLists {
  /** DER. */
  readonly lists: readonly Uint8Array[];
  /** Certificates of authorities between anchors and people's certificates, DER. */
  readonly authorities: readonly Uint8Array[];
  /** Files that hold neither, or too much. */
  readonly unreadable: number;
}

/**
 * What would differ, had anything changed: names, sizes, times and inodes.
 * @throws where file or folder are not there
 */
export async function fingerprint(path: string): Promise<string> {
  const parts = await Promise.all(
    (await filesOf(path)).map(async (file) => {
      const { size, mtimeMs, ino } = await stat(file);
      return `${file} ${size} ${mtimeMs} ${ino}`;
    }),
  );
  return parts.join('\n');
}

/** Reads a file of lists and certificates, or all files of a folder. @throws as `fingerprint` */
export async function readLists(path: string): Promise<FoundLists> {
  const files = await filesOf(path);
  const found = { lists: [] as Uint8Array[], authorities: [] as Uint8Array[], unreadable: 0 };
  for (const file of files.slice(0, bounds.files)) {
    const bytes = await readBounded(file);
    const held = bytes && readListFile(bytes);
    if (!held || found.lists.length + held.lists.length > bounds.lists) found.unreadable++;
    else {
      found.lists.push(...held.lists);
      found.authorities.push(...held.certificates);
    }
  }
  found.unreadable += Math.max(0, files.length - bounds.files);
  return found;
}

/** In the order of their names; what begins with a dot is being written, or none of ours. */
async function filesOf(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const names = (await readdir(path)).filter((name) => !name.startsWith('.')).sort();
  const files: string[] = [];
  for (const name of names) {
    const file = join(path, name);
    if ((await stat(file)).isFile()) files.push(file);
  }
  return files;
}

/** @returns null for a larger one, or one that cannot be read */
async function readBounded(path: string): Promise<Uint8Array | null> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      if (size > bounds.fileBytes) return null;
      const bytes = Buffer.alloc(size);
      const { bytesRead } = await file.read(bytes, 0, size, 0);
      return bytesRead === size ? bytes : null;
    } finally {
      await file.close();
    }
  } catch {
    return null;
  }
}

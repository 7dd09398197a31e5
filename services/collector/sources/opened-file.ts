import { type FileHandle, open } from 'node:fs/promises';
import { type ByteReader, gzipReader, plainReader } from './byte-reader.ts';
import { headOf } from './fingerprint.ts';
import { SourceError, sourceLimits } from './source.ts';

/** The file that is being read: its bytes, and what tells whether it is still what it was. */
export interface OpenedFile {
  readonly inode: string;
  readonly reader: ByteReader;
  /** Its first bytes and its state now; null for a compressed file, which changes no more. */
  look(): Promise<{ head: Buffer; size: number; modifiedNs: bigint } | null>;
}

/**
 * Opens a file by the name that it had a moment ago.
 * @param inode that it must have; a rotation in between may have given the name to another file.
 * @returns null where the name is gone or means another file now: look again.
 */
export async function openFile(path: string, inode: string, offset: number): Promise<OpenedFile | null> {
  const file = await openOrNull(path);
  if (file === null) return null;
  const stats = await file.stat({ bigint: true });
  if (String(stats.ino) !== inode) {
    await file.close();
    return null;
  }
  if (!stats.isFile()) {
    await file.close();
    throw new SourceError('SOURCE_NOT_A_FILE', 'the path of this source is not a regular file');
  }
  if (path.endsWith('.gz')) return { inode, reader: gzipReader(file, offset), look: async () => null };
  return {
    inode,
    reader: plainReader(file, offset),
    async look() {
      const now = await file.stat({ bigint: true });
      return { head: await headOf(file), size: Number(now.size), modifiedNs: now.mtimeNs };
    },
  };
}

/** Offset after the last newline before `size`, so that reading from the end begins with a whole line. */
export async function endOfLastLine(path: string, size: number): Promise<number> {
  const file = await openOrNull(path);
  if (file === null) return 0;
  try {
    const from = Math.max(0, size - sourceLimits.lineBytes);
    const bytes = Buffer.alloc(size - from);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, from);
    const newline = bytes.subarray(0, bytesRead).lastIndexOf(0x0a);
    return newline === -1 && from > 0 ? size : from + newline + 1;
  } finally {
    await file.close();
  }
}

async function openOrNull(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

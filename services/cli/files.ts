import { type FileHandle, open, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { z } from 'zod';
import { parseStrictJson, privateModes, syncFolder } from '#shared/runtime';
import { type CliError, unusable } from './errors.ts';

/** Bytes of the small files that people keep: credentials, public keys, pins, orders, identities. */
export const smallFileBytes: number = 1024 * 1024;

interface FileRefusal {
  readonly code: string;
  readonly sentence: string;
}

const missing: FileRefusal = { code: 'file.missing', sentence: 'does not exist; check its name' };
const denied: FileRefusal = {
  code: 'file.denied',
  sentence: 'may not be used by this user; check its permissions',
};
const isFolder: FileRefusal = { code: 'file.is_folder', sentence: 'is a folder; name a file' };
const exists: FileRefusal = {
  code: 'file.exists',
  sentence: 'is there already and is not overwritten; name another, or move it away',
};

/** What to do about the errors of a file system; others are told by their code. */
const refusals: Readonly<Record<string, FileRefusal>> = {
  ENOENT: missing,
  ENOTDIR: missing,
  EACCES: denied,
  EPERM: denied,
  EISDIR: isFolder,
  EEXIST: exists,
  ENOSPC: { code: 'file.disk_full', sentence: 'cannot be written: the disk is full' },
  EROFS: { code: 'file.read_only', sentence: 'cannot be written: the disk is read-only' },
};

const fileRefused = (path: string, { code, sentence }: FileRefusal): CliError =>
  unusable(code, `${path} ${sentence}`);

/** A file system's error as one for the user; anything else as it is. */
export function fileError(path: string, error: unknown): unknown {
  if (!(error instanceof Error && 'code' in error && 'syscall' in error)) return error;
  const code = String(error.code);
  return fileRefused(path, refusals[code] ?? { code: 'file.fault', sentence: `cannot be used (${code})` });
}

const pieceBytes = 64 * 1024;

/** Reads a whole file of at most `maxBytes`. */
export async function readBounded(path: string, maxBytes: number): Promise<Buffer> {
  try {
    const file = await open(path, 'r');
    try {
      if ((await file.stat()).isDirectory()) throw fileRefused(path, isFolder);
      // Piece by piece: bounds are far above what files have, and a pipe does not say how long it is.
      const pieces: Buffer[] = [];
      let length = 0;
      for (;;) {
        const piece = Buffer.alloc(Math.min(pieceBytes, maxBytes + 1 - length));
        const { bytesRead } = await file.read(piece);
        if (bytesRead === 0) return Buffer.concat(pieces, length);
        pieces.push(piece.subarray(0, bytesRead));
        length += bytesRead;
        if (length > maxBytes) {
          throw unusable('file.too_large', `${path} has more than ${maxBytes} bytes; name the right file`);
        }
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fileError(path, error);
  }
}

/** Reads a small file of strict JSON, of any form. @param what names the file in errors: `order` */
export async function readJson(path: string, what: string): Promise<unknown> {
  const parsed = parseStrictJson(await readBounded(path, smallFileBytes));
  if (parsed.ok) return parsed.value;
  const sentence = {
    not_utf8: 'is not UTF-8',
    malformed: 'is no JSON',
    duplicate_member: 'has a member twice',
    too_deep: 'is nested too deeply',
  }[parsed.reason];
  throw unusable(`file.${parsed.reason}`, `${path} ${sentence}; it should be the JSON of the ${what}`);
}

/** Reads a small file of strict JSON in the form of a schema. Errors name members, never values. */
export async function readJsonAs<T>(path: string, what: string, schema: z.ZodType<T>): Promise<T> {
  const parsed = schema.safeParse(await readJson(path, what));
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => ({
    path: issue.path.map(String).join('.'),
    sentence: issue.message,
  }));
  throw unusable('file.wrong_form', `${path} is no ${what} of Griffie; give the right file`, problems);
}

/** Opens a new file for its owner only. Refuses where there is one. */
export async function createPrivate(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', privateModes.file);
  } catch (error) {
    throw fileError(path, error);
  }
}

/** Writes a new file for its owner only, durably and whole or not at all. Refuses where there is one. */
export async function writeNewFile(path: string, bytes: string | Uint8Array): Promise<void> {
  const file = await createPrivate(path);
  try {
    await file.writeFile(bytes);
    await file.sync();
    await file.close();
    await syncFolder(dirname(path));
  } catch (error) {
    await file.close().catch(() => {});
    await rm(path, { force: true });
    throw fileError(path, error);
  }
}

/** Refuses a path at which there is something. */
export async function requireAbsent(path: string): Promise<void> {
  try {
    await stat(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
    throw fileError(path, error);
  }
  throw fileRefused(path, exists);
}

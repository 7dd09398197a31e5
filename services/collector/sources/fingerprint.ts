import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';

/** What a file begins with: finds it again under another name, number or compression. */
export interface Fingerprint {
  /** How many of the first bytes it covers; 0 says nothing. */
  readonly bytes: number;
  /** First 128 bits of their SHA-256, hexadecimal. */
  readonly hash: string;
}

/** Log lines begin with a time, so that this much differs between any two files. */
export const fingerprintBytes = 1024;

export const emptyFingerprint: Fingerprint = { bytes: 0, hash: '' };

export function fingerprintOf(head: Buffer, bytes: number): Fingerprint {
  const covered = head.subarray(0, Math.min(bytes, fingerprintBytes));
  if (covered.length === 0) return emptyFingerprint;
  return {
    bytes: covered.length,
    hash: createHash('sha256').update(covered).digest('hex').slice(0, 32),
  };
}

/** Whether a file that begins with `head` is the one; never so for a fingerprint that covers nothing. */
export function beginsAs(head: Buffer, fingerprint: Fingerprint): boolean {
  return (
    fingerprint.bytes > 0 &&
    head.length >= fingerprint.bytes &&
    fingerprintOf(head, fingerprint.bytes).hash === fingerprint.hash
  );
}

/** The first bytes of an open file. */
export async function headOf(file: FileHandle): Promise<Buffer> {
  const head = Buffer.alloc(fingerprintBytes);
  let read = 0;
  while (read < head.length) {
    const { bytesRead } = await file.read(head, read, head.length - read, read);
    if (bytesRead === 0) break;
    read += bytesRead;
  }
  return head.subarray(0, read);
}

/**
 * The first bytes of a file by name, decompressed where its name ends in `.gz`; none where the name is gone,
 * as it may be at any moment of a rotation.
 */
export async function headOfPath(path: string): Promise<Buffer> {
  try {
    return path.endsWith('.gz') ? await headOfGzip(path) : await headOfPlain(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}

async function headOfPlain(path: string): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    return await headOf(file);
  } finally {
    await file.close();
  }
}

async function headOfGzip(path: string): Promise<Buffer> {
  const input = createReadStream(path);
  const output = createGunzip();
  input.on('error', (error) => output.destroy(error));
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of input.pipe(output) as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= fingerprintBytes) break;
    }
  } catch (error) {
    // A file that is still being compressed ends early; what came of it is compared all the same.
    if (!isCompressionError(error)) throw error;
  } finally {
    input.destroy();
  }
  return Buffer.concat(chunks).subarray(0, fingerprintBytes);
}

function isCompressionError(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return code.startsWith('Z_');
}

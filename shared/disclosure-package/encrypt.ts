import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { Decrypter, Encrypter } from 'age-encryption';
import { privateModes } from '#shared/runtime';
import { ageChunkBytes, createAgeStream } from './age-stream.ts';
import { PackageError } from './errors.ts';
import { packageLimits as limits } from './limits.ts';

/** Whether the text is an age X25519 recipient (`age1…`): right checksum, right length. */
export function isAgeRecipient(text: string): boolean {
  if (!/^age1[a-z0-9]{58}$/.test(text)) return false;
  try {
    new Encrypter().addRecipient(text);
    return true;
  } catch {
    return false;
  }
}

/** Whether the text is an age X25519 identity (`AGE-SECRET-KEY-1…`). */
export function isAgeIdentity(text: string): boolean {
  if (!/^AGE-SECRET-KEY-1[A-Z0-9]{58}$/.test(text)) return false;
  try {
    new Decrypter().addIdentity(text);
    return true;
  } catch {
    return false;
  }
}

/** @throws {PackageError} `package.recipients` */
export function checkRecipients(recipients: readonly string[]): void {
  if (recipients.length > 0 && recipients.length <= limits.recipients && recipients.every(isAgeRecipient))
    return;
  throw new PackageError(
    'package.recipients',
    `a package needs 1 to ${limits.recipients} age X25519 recipients (age1…)`,
  );
}

export interface WrittenFile {
  readonly bytes: number;
  readonly sha256: string;
  readonly encryptedBytes: number;
  readonly encryptedSha256: string;
}

/** What is handed to the disk at once. */
const chunksPerWrite = 16;

/**
 * Writes a new file (mode 0600) that holds the plaintext encrypted to the recipients, and syncs it. The
 * plaintext is in memory only, a chunk at a time.
 */
export async function writeEncrypted(
  path: string,
  plaintext: AsyncIterable<Uint8Array>,
  recipients: readonly string[],
): Promise<WrittenFile> {
  const before = createHash('sha256');
  const after = createHash('sha256');
  let bytes = 0;
  let encryptedBytes = 0;
  const age = await createAgeStream(recipients);
  const file = await open(path, 'wx', privateModes.file);
  let waiting: Buffer[] = [age.start];
  const write = async (): Promise<void> => {
    const blocks = waiting;
    waiting = [];
    let length = 0;
    for (const block of blocks) {
      after.update(block);
      length += block.length;
    }
    encryptedBytes += length;
    const { bytesWritten } = await file.writev(blocks);
    // A disk that is nearly full takes a part; what is left then fails with its reason.
    if (bytesWritten < length) await file.appendFile(Buffer.concat(blocks).subarray(bytesWritten));
  };
  try {
    // A chunk is encrypted once it is known whether it is the last.
    const chunk = Buffer.allocUnsafe(ageChunkBytes);
    let filled = 0;
    for await (const piece of plaintext) {
      before.update(piece);
      bytes += piece.length;
      for (let at = 0; at < piece.length; ) {
        if (filled === ageChunkBytes) {
          waiting.push(...age.chunk(chunk, false));
          filled = 0;
          if (waiting.length >= 3 * chunksPerWrite) await write();
        }
        const taken = piece.subarray(at, at + ageChunkBytes - filled);
        chunk.set(taken, filled);
        filled += taken.length;
        at += taken.length;
      }
    }
    waiting.push(...age.chunk(chunk.subarray(0, filled), true));
    await write();
    await file.sync();
  } finally {
    await file.close();
  }
  return {
    bytes,
    sha256: before.digest('hex'),
    encryptedBytes,
    encryptedSha256: after.digest('hex'),
  };
}

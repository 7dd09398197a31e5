import { createCipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { Encrypter } from 'age-encryption';

/*
 * The payload of an age file (C2SP age.md, "Payload"), written with the ChaCha20-Poly1305 of Node's OpenSSL:
 * the library's own runs in JavaScript and costs ten times as much. The header, with the file key wrapped
 * for each recipient, is the library's. Tests hold what comes out against the library's decrypter and
 * against Debian's age.
 */

/** Plaintext of one chunk; only the last may be shorter, and empty only where it is the first, too. */
export const ageChunkBytes = 64 * 1024;
const keyBytes = 32;
const nonceBytes = 16;
/** Eleven bytes of the chunk's number, one that is 1 for the last chunk. */
const chunkNonceBytes = 12;
const lastFlagAt = 11;

/** An age file under way. Its file key is in memory only, as long as the file is written. */
export interface AgeStream {
  /** Header and nonce: what stands before the first chunk. */
  readonly start: Buffer;
  /** @param plaintext `ageChunkBytes` long, unless it is the last; it may be used again afterwards */
  chunk(plaintext: Uint8Array, isLast: boolean): Buffer[];
}

/** @param recipients age X25519 recipients, checked */
export async function createAgeStream(recipients: readonly string[]): Promise<AgeStream> {
  const { header, fileKey } = await wrapNewFileKey(recipients);
  const nonce = randomBytes(nonceBytes);
  const key = Buffer.from(hkdfSync('sha256', fileKey, nonce, 'payload', keyBytes));
  const chunkNonce = Buffer.alloc(chunkNonceBytes);
  let written = 0;
  let ended = false;
  return {
    start: Buffer.concat([header, nonce]),
    chunk(plaintext, isLast) {
      const mayBeShort = isLast && (plaintext.length > 0 || written === 0);
      if (ended || plaintext.length > ageChunkBytes || (plaintext.length < ageChunkBytes && !mayBeShort)) {
        throw new RangeError('a chunk of an age file has 64 KiB, the last one at least a byte');
      }
      // Below 2^48 chunks, which is 2^64 bytes.
      chunkNonce.writeUIntBE(written, lastFlagAt - 6, 6);
      chunkNonce[lastFlagAt] = isLast ? 1 : 0;
      const cipher = createCipheriv('chacha20-poly1305', key, chunkNonce, { authTagLength: 16 });
      const encrypted = [cipher.update(plaintext), cipher.final(), cipher.getAuthTag()];
      written += 1;
      ended = isLast;
      return encrypted;
    },
  };
}

/**
 * A header of a new file key: the library's, of an empty file that nobody gets. A recipient that adds no
 * stanza is shown the file key; under it the payload has a nonce, and so a key, of its own.
 */
async function wrapNewFileKey(
  recipients: readonly string[],
): Promise<{ readonly header: Buffer; readonly fileKey: Uint8Array }> {
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  let fileKey: Uint8Array | null = null;
  encrypter.addRecipient({
    wrapFileKey(key) {
      fileKey = Uint8Array.from(key);
      return [];
    },
  });
  const empty = Buffer.from(await encrypter.encrypt(new Uint8Array()));
  // The header ends with its MAC's line, the only one that begins so.
  const end = empty.indexOf('\n', empty.indexOf('\n--- ') + 1) + 1;
  if (fileKey === null || end === 0) throw new Error('age-encryption made another header than expected');
  return { header: empty.subarray(0, end), fileKey };
}

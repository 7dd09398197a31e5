import { createCipheriv, hkdfSync, randomBytes } from 'node:crypto';

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

/** A payload under way. Its key is in memory only, as long as the file is written. */
export interface AgePayload {
  /** What stands before the first chunk. */
  readonly nonce: Buffer;
  /** @param plaintext `ageChunkBytes` long, unless it is the last; it may be used again afterwards */
  chunk(plaintext: Uint8Array, isLast: boolean): Buffer[];
}

export function createAgePayload(fileKey: Uint8Array): AgePayload {
  const nonce = randomBytes(nonceBytes);
  const key = Buffer.from(hkdfSync('sha256', fileKey, nonce, 'payload', keyBytes));
  const chunkNonce = Buffer.alloc(chunkNonceBytes);
  let written = 0;
  let ended = false;
  return {
    nonce,
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

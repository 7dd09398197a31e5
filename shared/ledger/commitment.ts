import { createHash, randomBytes } from 'node:crypto';

/** Salts are 256 random bits, so that nobody who has the ledger can try out what a case file may say. */
export const saltBytes = 32;

/** A new salt. It is kept with what is committed to; erasing both leaves a digest of nothing. */
export function createSalt(): Uint8Array {
  return randomBytes(saltBytes);
}

/**
 * Commitment to bytes that stay outside the ledger: SHA-256 of the salt followed by them, in hexadecimal.
 * `cat salt file | sha256sum` gives the same. The salt's fixed length keeps the two apart.
 */
export function commitTo(salt: Uint8Array, bytes: Uint8Array): string {
  if (salt.length !== saltBytes) throw new RangeError(`a salt has ${saltBytes} bytes`);
  return createHash('sha256').update(salt).update(bytes).digest('hex');
}

import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { sipHash128 } from './sip-hash.ts';

/*
 * A file of ClickHouse's encrypted disk (src/IO/FileEncryptionCommon.cpp, seen with engine 26.7): a header
 * of 64 bytes, then the contents in AES in counter mode.
 *
 *   bytes  0–2   "ENC"
 *          3–4   version, 2; little-endian like all of it
 *          5–6   algorithm, 2 is AES-256-CTR
 *          7–22  fingerprint of the key
 *         23–38  initialisation vector
 *         39–63  zeros
 *
 * A file without contents has no header either. The header says which key a file needs, and says it of every
 * file: what is under a key is established from the files themselves, whatever wrote them.
 */

export const headerBytes = 64;
/** Bytes of a key. */
export const keyBytes = 32;

const signature = 'ENC';
const version = 2;
const aes256Ctr = 2;
const cipher = 'aes-256-ctr';
const at = { version: 3, algorithm: 5, fingerprint: 7, vector: 23, end: 39 } as const;

/** How the engine names a key: a hash of it, hex. */
export function fingerprintOf(key: Buffer): string {
  return sipHash128(0x4368456e63727970n, 0x7465644469736b46n, key).toString('hex');
}

/** SHA-256 of a fingerprint, hex: names a key in the ledger, where nothing made from a key stands. */
export function digestOf(fingerprint: string): string {
  return createHash('sha256').update(Buffer.from(fingerprint, 'hex')).digest('hex');
}

/** The digest of a key, or of the fingerprint that a file has of it. */
export function diskKeyDigest(of: { readonly key: Buffer } | { readonly fingerprint: string }): string {
  return digestOf('key' in of ? fingerprintOf(of.key) : of.fingerprint);
}

/** @param start the file's first bytes @returns the fingerprint of the key that it needs, or null where it is no such file */
export function fingerprintIn(start: Buffer): string | null {
  if (start.length < headerBytes || start.toString('latin1', 0, signature.length) !== signature) return null;
  if (start.readUInt16LE(at.version) !== version || start.readUInt16LE(at.algorithm) !== aes256Ctr)
    return null;
  return start.toString('hex', at.fingerprint, at.vector);
}

/** The same contents under another key. */
export function reencrypted(file: Buffer, from: Buffer, to: Buffer): Buffer {
  const decipher = createDecipheriv(cipher, from, file.subarray(at.vector, at.end));
  const contents = Buffer.concat([decipher.update(file.subarray(headerBytes)), decipher.final()]);
  const header = Buffer.alloc(headerBytes);
  header.write(signature, 'latin1');
  header.writeUInt16LE(version, at.version);
  header.writeUInt16LE(aes256Ctr, at.algorithm);
  header.write(fingerprintOf(to), at.fingerprint, 'hex');
  const vector = randomBytes(at.end - at.vector);
  vector.copy(header, at.vector);
  const encipher = createCipheriv(cipher, to, vector);
  return Buffer.concat([header, encipher.update(contents), encipher.final()]);
}

import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { LedgerError } from './errors.ts';

/** Signature types of C2SP signed-note that this log uses: its own, and its witnesses'. */
export const noteKeyTypes = { ed25519: 0x01, cosignature: 0x04 } as const;
export type NoteKeyType = (typeof noteKeyTypes)[keyof typeof noteKeyTypes];

const publicKeyBytes = 32;
export const keyIdBytes = 4;
export const signatureBytes = 64;

/** Who may have signed a note. Made by `parseVerifierKey` or from a signer. */
export interface NoteVerifier {
  /** Key name; for a log's own key its origin: a schema-less URL prefix. */
  readonly name: string;
  readonly keyId: Uint8Array;
  readonly type: NoteKeyType;
  /** The key's text form, to hand to outsiders: `name+hex(keyId)+base64(type ‖ public key)`. */
  readonly vkey: string;
  /** Whether `signature` is this Ed25519 key's over `message`. */
  verify(message: Uint8Array, signature: Uint8Array): boolean;
}

/** A log's own key. */
export interface NoteSigner {
  readonly verifier: NoteVerifier;
  /** Another key of the same log that signs each note as well, while the log changes from one to the other. */
  readonly also?: NoteSigner;
  sign(message: Uint8Array): Uint8Array;
}

/** Key names are non-empty and hold no space, no control character and no plus sign; here at most 255 bytes. */
export function isKeyName(name: string): boolean {
  return /^[^\s\p{Z}\p{Cc}\p{Cs}+]+$/u.test(name) && Buffer.byteLength(name) <= 255;
}

/** Key id: the first 32 bits of SHA-256(name ‖ 0x0A ‖ type ‖ public key). A name tag, no fingerprint. */
export function noteKeyId(name: string, type: NoteKeyType, publicKey: Uint8Array): Uint8Array {
  const digest = createHash('sha256')
    .update(`${name}\n`)
    .update(Uint8Array.of(type))
    .update(publicKey)
    .digest();
  return digest.subarray(0, keyIdBytes);
}

/**
 * Reads a verifier key (vkey). Known are types 01 (Ed25519) and 04 (Ed25519 cosignature).
 * @throws LedgerError `ledger.bad_key` for any other text, also where the key id is not the key's.
 */
export function parseVerifierKey(vkey: string): NoteVerifier {
  const match = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]{1,100})$/u.exec(vkey);
  const [, name = '', idText = '', keyText = ''] = match ?? [];
  const material = decodeBase64(keyText);
  const type = Object.values(noteKeyTypes).find((known) => known === material?.[0]);
  if (material === null || type === undefined || material.length !== 1 + publicKeyBytes || !isKeyName(name)) {
    throw new LedgerError('ledger.bad_key', 'This is no verifier key of a known type.');
  }
  const verifier = createVerifier(name, type, material.subarray(1));
  if (Buffer.from(verifier.keyId).toString('hex') !== idText) {
    throw new LedgerError(
      'ledger.bad_key',
      'The key id in this verifier key belongs to another key or name.',
    );
  }
  return verifier;
}

/**
 * The signer of the log named `origin`.
 * @param privateKeyPem PKCS #8 PEM of an Ed25519 key.
 * @throws LedgerError `ledger.bad_key` where the PEM is not that, or the origin is no key name.
 */
export function createNoteSigner(origin: string, privateKeyPem: string): NoteSigner {
  return createSigner(origin, privateKeyPem, noteKeyTypes.ed25519);
}

/** The same for a key of any of our types; what it signs is the caller's to know. */
export function createSigner(name: string, privateKeyPem: string, type: NoteKeyType): NoteSigner {
  if (!isKeyName(name)) {
    throw new LedgerError('ledger.bad_key', 'A key name has no spaces and no plus sign, and is not empty.');
  }
  const privateKey = readPrivateKey(privateKeyPem);
  const verifier = createVerifier(name, type, rawPublicKey(createPublicKey(privateKey)));
  return { verifier, sign: (message) => sign(null, message, privateKey) };
}

/** A new Ed25519 private key for `createNoteSigner`, as PKCS #8 PEM. The caller keeps it secret. */
export function generateNoteKey(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function createVerifier(name: string, type: NoteKeyType, publicKey: Uint8Array): NoteVerifier {
  const keyId = noteKeyId(name, type, publicKey);
  const x = Buffer.from(publicKey).toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  const material = encodeBase64(Buffer.concat([Uint8Array.of(type), publicKey]));
  return {
    name,
    keyId,
    type,
    vkey: `${name}+${Buffer.from(keyId).toString('hex')}+${material}`,
    verify: (message, signature) =>
      signature.length === signatureBytes && verify(null, message, key, signature),
  };
}

function readPrivateKey(pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, format: 'pem', type: 'pkcs8' });
  } catch {
    // The cause is dropped on purpose: nothing about a private key goes further.
    throw new LedgerError('ledger.bad_key', 'The signing key is no PKCS #8 PEM.');
  }
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new LedgerError('ledger.bad_key', 'The signing key is no Ed25519 key.');
  }
  return key;
}

function rawPublicKey(key: KeyObject): Uint8Array {
  return Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url');
}

import {
  type CryptoKey,
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
} from 'jose';
import { z } from 'zod';
import { isSignatureAlgorithm, type SignatureAlgorithm, signatureAlgorithms } from './algorithms.ts';

/** WebCrypto's key; a private one may be non-extractable (a browser's). */
export type PrivateKey = CryptoKey;
/**
 * Signs bytes with a key that is somewhere else, such as on a smart card, by the algorithm of the key. The
 * signature is in JWS's form (RFC 7518): r ‖ s for ECDSA.
 */
export type SignBytes = (bytes: Uint8Array) => Promise<Uint8Array>;

const coordinate = z.string().regex(/^[A-Za-z0-9_-]+$/);
const publicJwkSchema = z.discriminatedUnion('kty', [
  z.strictObject({
    kty: z.literal('EC'),
    crv: z.enum(['P-256', 'P-384']),
    x: coordinate.max(64),
    y: coordinate.max(64),
  }),
  z.strictObject({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: coordinate.max(43) }),
  z.strictObject({ kty: z.literal('RSA'), n: coordinate.max(683), e: z.literal('AQAB') }),
]);
/** A public key with exactly the members that its thumbprint is over (RFC 7638). */
export type PublicJwk = z.infer<typeof publicJwkSchema>;

export type PublicKeyRefusal =
  | 'key.algorithm'
  | 'key.members'
  | 'key.type'
  | 'key.size'
  | 'key.encoding'
  | 'key.invalid';

/** What the person who enrols a key can do about each refusal. */
export const publicKeyRefusals: Readonly<Record<PublicKeyRefusal, string>> = {
  'key.algorithm': `Name one of ${Object.keys(signatureAlgorithms).join(', ')}.`,
  'key.members':
    'Send the public key alone, as a JWK with exactly kty, crv, x (and y), or kty, n and e = AQAB; never a private key.',
  'key.type': 'The key is of another type or curve than the algorithm; name the algorithm that it is for.',
  'key.size': 'RSA keys have 2048 to 4096 bits; make a larger key, or an ES256 one.',
  'key.encoding': 'The members are base64url without padding, of the full length that the curve asks for.',
  'key.invalid': 'The key is no point of its curve, or one that anybody can sign for; make a new one.',
};

/**
 * y coordinates of Ed25519's small-order points, little-endian with the sign bit clear, as hex; the
 * non-canonical spellings included. Under such a key a signature can be made that fits any message, so
 * that an officer could deny what the key signed.
 */
const smallOrderPoints: ReadonlySet<string> = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]);

export type PublicKeyResult =
  | { readonly ok: true; readonly alg: SignatureAlgorithm; readonly jwk: PublicJwk; readonly kid: string }
  | { readonly ok: false; readonly code: PublicKeyRefusal };

/**
 * Checks a public key before it is enrolled and pinned to one algorithm: its members, its size, and that
 * it is a usable point. The result's `kid` is its RFC 7638 thumbprint with SHA-256.
 */
export async function validatePublicJwk(value: unknown, alg: unknown): Promise<PublicKeyResult> {
  const refuse = (code: PublicKeyRefusal): PublicKeyResult => ({ ok: false, code });
  if (!isSignatureAlgorithm(alg)) return refuse('key.algorithm');
  const parsed = publicJwkSchema.safeParse(value);
  if (!parsed.success) return refuse('key.members');
  const jwk = parsed.data;
  const row = signatureAlgorithms[alg];
  if (jwk.kty === 'RSA') {
    if (row.kty !== 'RSA') return refuse('key.type');
    const modulus = decode(jwk.n);
    if (modulus === null || modulus[0] === 0) return refuse('key.encoding');
    const bits = modulus.length * 8 - Math.clz32(modulus[0] ?? 0) + 24;
    if (bits < row.minModulusBits || bits > row.maxModulusBits) return refuse('key.size');
  } else {
    if (row.kty !== jwk.kty || row.crv !== jwk.crv) return refuse('key.type');
    const x = decode(jwk.x);
    const y = jwk.kty === 'EC' ? decode(jwk.y) : x;
    if (x?.length !== row.coordinateBytes || y?.length !== row.coordinateBytes) return refuse('key.encoding');
    if (jwk.kty === 'OKP' && isSmallOrder(x)) return refuse('key.invalid');
  }
  try {
    await importJWK({ ...jwk }, alg);
  } catch {
    return refuse('key.invalid');
  }
  return { ok: true, alg, jwk, kid: await keyId(jwk) };
}

function decode(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : null;
}

function isSmallOrder(point: Buffer): boolean {
  const y = Buffer.from(point);
  y.writeUInt8(y.readUInt8(31) & 0x7f, 31);
  return smallOrderPoints.has(y.toString('hex'));
}

/** RFC 7638 thumbprint with SHA-256, base64url: a key's `kid`, and a credential's name in the ledger. */
export function keyId(jwk: PublicJwk): Promise<string> {
  return calculateJwkThumbprint({ ...jwk }, 'sha256');
}

/** A key that can sign, wherever its private half is. */
export interface SignerKey {
  readonly alg: SignatureAlgorithm;
  readonly kid: string;
  readonly publicJwk: PublicJwk;
  readonly privateKey: PrivateKey | SignBytes;
}

/** A key with its private half in this process. */
export interface SigningKey extends SignerKey {
  readonly privateKey: PrivateKey;
}

/** Makes a new key pair. The private key is extractable: whoever calls writes it to its file. */
export async function generateKey(alg: SignatureAlgorithm): Promise<SigningKey> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true, modulusLength: 3072 });
  return signingKey(privateKey, alg);
}

/** The private key as a JWK with its `alg`, for a file that only its owner can read. */
export async function exportPrivateJwk(key: SigningKey): Promise<JWK> {
  return { ...(await exportJWK(key.privateKey)), alg: key.alg };
}

/**
 * A signing key from what `exportPrivateJwk` gave.
 * @throws Error where it is no private key of an allowed algorithm.
 */
export async function importPrivateJwk(jwk: JWK): Promise<SigningKey> {
  if (!isSignatureAlgorithm(jwk.alg)) throw new Error('the private key names no allowed algorithm');
  const key = await importJWK(jwk, jwk.alg, { extractable: true });
  if (key instanceof Uint8Array || key.type !== 'private') throw new Error('this is no private key');
  return signingKey(key, jwk.alg);
}

async function signingKey(privateKey: PrivateKey, alg: SignatureAlgorithm): Promise<SigningKey> {
  const { kty, crv, x, y, n, e } = await exportJWK(privateKey);
  const members = { EC: { kty, crv, x, y }, OKP: { kty, crv, x }, RSA: { kty, n, e } };
  const valid = await validatePublicJwk(members[signatureAlgorithms[alg].kty], alg);
  if (!valid.ok) throw new Error(`the key cannot be used: ${valid.code}`);
  return { alg, kid: valid.kid, publicJwk: valid.jwk, privateKey };
}

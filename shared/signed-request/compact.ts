import { CompactSign, compactVerify, errors, importJWK } from 'jose';
import { z } from 'zod';
import { parseStrictJson } from '#shared/runtime';
import { isSignatureAlgorithm, type SignatureAlgorithm } from './algorithms.ts';
import type { PrivateKey, PublicJwk, SignBytes } from './keys.ts';
import { type Assertion, verifyAssertion } from './passkey.ts';

/*
 * Compact JWS (RFC 7515), read more strictly than jose reads it. jose accepts trailing `=`, line breaks
 * inside a segment and non-zero trailing bits, so that one signature has many spellings; here each JWS
 * has exactly one, apart from ES256's (r, n − s), which is why nothing is ever deduplicated on its text.
 */

const headerValue = z.string().min(1).max(128);
/** The only protected header parameters that we write or read. No `jwk`, `jku`, `x5u`, `crit`, `b64`, … */
const headerSchema = z.strictObject({ alg: headerValue, kid: headerValue, typ: headerValue.optional() });

export interface CompactHeader {
  readonly alg: SignatureAlgorithm;
  readonly kid: string;
  readonly typ?: string;
}

export interface CompactJws {
  readonly text: string;
  readonly header: CompactHeader;
  /** Not yet verified. */
  readonly payload: Uint8Array;
  /** Of a request that a passkey signed, in place of a signature over header and payload. */
  readonly assertion?: Assertion;
}

export type CompactRefusal = 'too_long' | 'malformed' | 'header' | 'algorithm';
export type CompactResult =
  | { readonly ok: true; readonly jws: CompactJws }
  | { readonly ok: false; readonly reason: CompactRefusal };

/** Decodes one segment where it is base64url (RFC 4648, section 5) in its one canonical spelling. */
function decodeSegment(segment: string): Buffer | null {
  if (!/^[A-Za-z0-9_-]+$/.test(segment)) return null;
  const bytes = Buffer.from(segment, 'base64url');
  return bytes.toString('base64url') === segment ? bytes : null;
}

/** The segments of a text that has just so many; null where one of them is spelt in another way. */
export function decodeSegments(text: string, count: number): readonly Buffer[] | null {
  const segments = text.split('.', count + 1).map(decodeSegment);
  const decoded = segments.filter((segment) => segment !== null);
  return segments.length === count && decoded.length === count ? decoded : null;
}

/** Takes a compact JWS apart without verifying it. Nothing in the result is to be believed yet. */
export function parseCompact(text: string, maxChars: number): CompactResult {
  const refuse = (reason: CompactRefusal): CompactResult => ({ ok: false, reason });
  if (text.length > maxChars) return refuse('too_long');
  const [head, payload] = decodeSegments(text, 3) ?? [];
  if (!head || !payload) return refuse('malformed');
  return withHeader(text, head, payload);
}

/** Takes a request that a passkey signed apart: see `passkey.ts`. Nothing in the result is to be believed yet. */
export function parsePasskeyRequest(text: string, maxChars: number): CompactResult {
  if (text.length > maxChars) return { ok: false, reason: 'too_long' };
  const [head, payload, authenticatorData, clientDataJson, signature] = decodeSegments(text, 5) ?? [];
  if (!head || !payload || !authenticatorData || !clientDataJson || !signature) {
    return { ok: false, reason: 'malformed' };
  }
  const assertion = { authenticatorData, clientDataJson, signature };
  return withHeader(text, head, payload, { assertion });
}

function withHeader(
  text: string,
  head: Uint8Array,
  payload: Uint8Array,
  more: Pick<CompactJws, 'assertion'> = {},
): CompactResult {
  const refuse = (reason: CompactRefusal): CompactResult => ({ ok: false, reason });
  const json = parseStrictJson(head);
  if (!json.ok) return refuse('malformed');
  const parsed = headerSchema.safeParse(json.value);
  if (!parsed.success) return refuse('header');
  const { alg, kid, typ } = parsed.data;
  if (!isSignatureAlgorithm(alg)) return refuse('algorithm');
  const header = { alg, kid, ...(typ === undefined ? {} : { typ }) };
  return { ok: true, jws: { text, header, payload, ...more } };
}

/** A key as it was enrolled: pinned to one algorithm. */
export interface PinnedKey {
  readonly alg: SignatureAlgorithm;
  readonly jwk: PublicJwk;
  /** The key is a passkey's, which signs in its own way and in no other. */
  readonly passkey?: { readonly id: string } | undefined;
}

/**
 * Whether the signature is the pinned key's, by the pinned algorithm. The header's `alg` has no say: it
 * must be equal to the pinned one before the key is touched.
 */
export async function verifyCompact(jws: CompactJws, key: PinnedKey): Promise<boolean> {
  return jws.header.alg === key.alg && (await importVerifier(key))(jws);
}

/**
 * `verifyCompact` for many signatures of one key, which is imported once.
 * @throws Error where the key was not checked by `validatePublicJwk` and cannot be imported.
 */
export async function importVerifier(key: PinnedKey): Promise<(jws: CompactJws) => Promise<boolean>> {
  const { alg, jwk, passkey } = key;
  const imported = await importJWK({ ...jwk }, alg);
  return async (jws) => {
    const { header, text, assertion } = jws;
    if (header.alg !== alg || (passkey === undefined) !== (assertion === undefined)) return false;
    if (passkey) return verifyAssertion(jws, key);
    try {
      await compactVerify(text, imported, { algorithms: [alg] });
      return true;
    } catch (error) {
      if (error instanceof errors.JOSEError) return false;
      throw error;
    }
  };
}

/** Signs bytes as a compact JWS with `alg`, `kid` and `typ` in its header. */
export async function signCompact(
  payload: Uint8Array,
  header: Required<CompactHeader>,
  privateKey: PrivateKey | SignBytes,
): Promise<string> {
  if (typeof privateKey === 'function') {
    const encoded = [Buffer.from(JSON.stringify(header)), payload].map((part) =>
      Buffer.from(part).toString('base64url'),
    );
    const signature = await privateKey(Buffer.from(encoded.join('.')));
    return [...encoded, Buffer.from(signature).toString('base64url')].join('.');
  }
  return new CompactSign(payload).setProtectedHeader({ ...header }).sign(privateKey);
}

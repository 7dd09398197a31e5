import { CompactSign, compactVerify, errors, importJWK } from 'jose';
import { z } from 'zod';
import { parseStrictJson } from '#shared/runtime';
import { isSignatureAlgorithm, type SignatureAlgorithm } from './algorithms.ts';
import type { PrivateKey, PublicJwk } from './keys.ts';

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

/** Takes a compact JWS apart without verifying it. Nothing in the result is to be believed yet. */
export function parseCompact(text: string, maxChars: number): CompactResult {
  const refuse = (reason: CompactRefusal): CompactResult => ({ ok: false, reason });
  if (text.length > maxChars) return refuse('too_long');
  const segments = text.split('.', 4).map(decodeSegment);
  const [head, payload, signature] = segments;
  if (segments.length !== 3 || !head || !payload || !signature) return refuse('malformed');
  const json = parseStrictJson(head);
  if (!json.ok) return refuse('malformed');
  const parsed = headerSchema.safeParse(json.value);
  if (!parsed.success) return refuse('header');
  const { alg, kid, typ } = parsed.data;
  if (!isSignatureAlgorithm(alg)) return refuse('algorithm');
  return { ok: true, jws: { text, header: { alg, kid, ...(typ === undefined ? {} : { typ }) }, payload } };
}

/** A key as it was enrolled: pinned to one algorithm. */
export interface PinnedKey {
  readonly alg: SignatureAlgorithm;
  readonly jwk: PublicJwk;
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
export async function importVerifier({
  alg,
  jwk,
}: PinnedKey): Promise<(jws: CompactJws) => Promise<boolean>> {
  const imported = await importJWK({ ...jwk }, alg);
  return async ({ header, text }) => {
    if (header.alg !== alg) return false;
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
  privateKey: PrivateKey,
): Promise<string> {
  return new CompactSign(payload).setProtectedHeader({ ...header }).sign(privateKey);
}

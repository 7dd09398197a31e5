import { createHash } from 'node:crypto';
import { z } from 'zod';
import { type CompactJws, type CompactRefusal, parseCompact, parsePasskeyRequest } from './compact.ts';
import { passkeyRequestType } from './passkey.ts';
import type { ProofRefusalCode } from './refusals.ts';

/** Name of the request header that carries a signed request. */
export const proofHeader = 'Griffie-Proof';
export const proofType = 'griffie-proof+jwt';

/** Seconds. A signed request is good from `iat − skew` to `iat + lifetime + skew`, both included. */
export const proofTiming = { lifetimeSeconds: 60, skewSeconds: 60 } as const;
/** How long after its `iat` a `(kid, jti)` must be remembered: to the last second in which it is good. */
export const proofRememberSeconds: number = proofTiming.lifetimeSeconds + proofTiming.skewSeconds;

export const proofLimits = {
  /** The whole compact JWS; Node's default bound on all headers together is 16 KiB. */
  proofChars: 8192,
  urlChars: 2048,
  credentialIdChars: 64,
  /** `jti`: 16 characters of base64url are 96 bits. */
  jtiChars: { min: 16, max: 64 },
} as const;

const sha256Base64url = z.string().regex(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/);

export const proofClaimsSchema = z.strictObject({
  /** Credential id. */
  iss: z.string().min(1).max(proofLimits.credentialIdChars),
  /** The service's configured public URL. */
  aud: z.string().min(1).max(proofLimits.urlChars),
  /** HTTP method, in capitals. */
  htm: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD']),
  /** URL of the request, in the form of `canonicalUrl`. */
  htu: z.string().min(1).max(proofLimits.urlChars),
  /** When it was signed, seconds since the epoch. */
  iat: z.int().min(0),
  /** Unique per key; used once. */
  jti: z
    .string()
    .min(proofLimits.jtiChars.min)
    .max(proofLimits.jtiChars.max)
    .regex(/^[A-Za-z0-9_-]+$/),
  /** `bodyDigest` of the body's exact bytes. */
  bdh: sha256Base64url,
});
export type ProofClaims = z.infer<typeof proofClaimsSchema>;

/** Base64url SHA-256 of a request's body, of zero bytes where there is none. */
export function bodyDigest(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('base64url');
}

/**
 * The one form of a URL in `htu`: absolute, http(s), path and query as the WHATWG URL parser writes them,
 * no fragment, no user or password. The query is part of it, because it selects what is asked for.
 * @returns null where the text is not already in that form; a server refuses it and repairs nothing, so
 * that `/a/../b` is never signed as one path and routed as another.
 */
export function canonicalUrl(text: string): string | null {
  if (text.length > proofLimits.urlChars || !URL.canParse(text)) return null;
  const url = new URL(text);
  if (!/^https?:$/.test(url.protocol) || text.includes('#') || url.username || url.password) return null;
  return url.href === text ? text : null;
}

/**
 * The URL that a request with this request-target was sent to.
 * @param publicUrl the service's configured public URL, without a trailing slash
 * @param target path and query exactly as they stood in the request line, before any decoding
 * @returns null where they give no canonical URL.
 */
export function requestUrl(publicUrl: string, target: string): string | null {
  return target.startsWith('/') ? canonicalUrl(publicUrl + target) : null;
}

export type ParseProofResult =
  | { readonly ok: true; readonly proof: Proof }
  | { readonly ok: false; readonly code: ProofRefusalCode };

/** A signed request that has the right shape. Nothing in it is verified: it only says which key to look up. */
export interface Proof {
  readonly jws: CompactJws;
  readonly kid: string;
  readonly alg: CompactJws['header']['alg'];
}

const codes = {
  too_long: 'proof.too_long',
  malformed: 'proof.malformed',
  header: 'proof.header',
  algorithm: 'proof.algorithm',
} as const satisfies Record<CompactRefusal, ProofRefusalCode>;

/** Checks a `Griffie-Proof` header's shape, before any key is looked up and before jose sees it. */
export function parseProof(text: string | undefined): ParseProofResult {
  if (text === undefined || text === '') return { ok: false, code: 'proof.missing' };
  const isPasskey = text.split('.', 6).length === 5;
  const parse = isPasskey ? parsePasskeyRequest : parseCompact;
  const result = parse(text, proofLimits.proofChars);
  if (!result.ok) return { ok: false, code: codes[result.reason] };
  const { header } = result.jws;
  if (header.typ !== (isPasskey ? passkeyRequestType : proofType)) return { ok: false, code: 'proof.type' };
  if (!/^[A-Za-z0-9_-]{43}$/.test(header.kid)) return { ok: false, code: 'proof.header' };
  return { ok: true, proof: { jws: result.jws, kid: header.kid, alg: header.alg } };
}

import { timingSafeEqual } from 'node:crypto';
import { parseStrictJson } from '#shared/runtime';
import { type PinnedKey, verifyCompact } from './compact.ts';
import { canonicalUrl, type Proof, type ProofClaims, proofClaimsSchema, proofTiming } from './proof.ts';
import type { ProofRefusalCode } from './refusals.ts';

/** What the request must be, known to the server without the proof's help. */
export interface ExpectedRequest {
  /** The enrolled credential's key, looked up by the proof's `kid`, with the algorithm it is pinned to. */
  readonly key: PinnedKey & { readonly kid: string };
  readonly credentialId: string;
  readonly audience: string;
  readonly method: string;
  /** From `requestUrl`. One that is not canonical is refused. */
  readonly url: string;
  /** From `bodyDigest`, over the bytes that were received. */
  readonly bodyDigest: string;
  /** The service's clock, seconds since the epoch. */
  readonly nowSeconds: number;
}

export type VerifyProofResult =
  | { readonly ok: true; readonly claims: ProofClaims }
  | { readonly ok: false; readonly code: ProofRefusalCode };

/**
 * Verifies a signed request. The caller still decides replay, by `(kid, jti)` in ledger order, and whether
 * the credential was valid at receipt. Pure but for the signature: the same arguments give the same answer
 * years later.
 */
export async function verifyProof(proof: Proof, expected: ExpectedRequest): Promise<VerifyProofResult> {
  const refuse = (code: ProofRefusalCode): VerifyProofResult => ({ ok: false, code });
  if (proof.kid !== expected.key.kid) return refuse('proof.key_unknown');
  if (proof.alg !== expected.key.alg) return refuse('proof.algorithm');
  if (!(await verifyCompact(proof.jws, expected.key))) return refuse('proof.signature');

  const payload = parseStrictJson(proof.jws.payload);
  const parsed = proofClaimsSchema.safeParse(payload.ok ? payload.value : undefined);
  if (!parsed.success) return refuse('proof.claims');
  const claims = parsed.data;
  if (claims.iss !== expected.credentialId) return refuse('proof.credential');
  if (claims.aud !== expected.audience) return refuse('proof.audience');
  if (claims.htm !== expected.method) return refuse('proof.method');
  if (claims.htu !== canonicalUrl(expected.url)) return refuse('proof.url');
  const { lifetimeSeconds, skewSeconds } = proofTiming;
  if (expected.nowSeconds > claims.iat + lifetimeSeconds + skewSeconds) return refuse('proof.stale');
  if (expected.nowSeconds < claims.iat - skewSeconds) return refuse('proof.future');
  if (!sameText(claims.bdh, expected.bodyDigest)) return refuse('proof.body');
  return { ok: true, claims };
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

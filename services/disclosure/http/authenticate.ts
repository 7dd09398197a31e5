import type { FastifyRequest } from 'fastify';
import type { ControlState, Credential, Role } from '#shared/control';
import { decideAccess, decideCredential } from '#shared/control';
import { type Clock, utc } from '#shared/runtime';
import {
  bodyDigest,
  isSignatureAlgorithm,
  type ProofRefusalCode,
  parseProof,
  proofHeader,
  requestUrl,
  validatePublicJwk,
  verifyProof,
} from '#shared/signed-request';
import { ApiError } from '../errors.ts';
import { bodyOf } from './request-body.ts';

/** A request whose signature is a known key's: from here on its refusals are entries of their own. */
export interface VerifiedProof {
  readonly evidence: string;
  readonly kid: string;
  readonly jti: string;
}

/** Refusals that come before a signature was verified: nobody can be held to them. */
const anonymousCodes: ReadonlySet<ProofRefusalCode> = new Set<ProofRefusalCode>([
  'proof.key_unknown',
  'proof.algorithm',
  'proof.signature',
]);

export interface Authenticated {
  readonly proof: VerifiedProof;
  readonly credential: Credential;
}

/** What went wrong, and whose request it was if that is known. */
export type AuthenticationResult =
  | { readonly ok: true; readonly value: Authenticated }
  | { readonly ok: false; readonly error: ApiError; readonly known?: Authenticated };

/**
 * Verifies a signed request against the enrolled keys. Whether it was used before is decided again, in
 * ledger order, by the step that it causes.
 */
export async function authenticate(
  request: FastifyRequest,
  allowed: readonly Role[],
  state: ControlState,
  clock: Clock,
): Promise<AuthenticationResult> {
  const refuse = (code: ProofRefusalCode | 'access.role', known?: Authenticated): AuthenticationResult => ({
    ok: false,
    error: new ApiError(code),
    ...(known ? { known } : {}),
  });
  const header = request.headers[proofHeader.toLowerCase()];
  const parsed = parseProof(typeof header === 'string' ? header : undefined);
  if (!parsed.ok) return refuse(parsed.code);
  const credential = state.credentials.get(parsed.proof.kid);
  if (!credential || !isSignatureAlgorithm(credential.algorithm)) return refuse('proof.key_unknown');
  const key = await validatePublicJwk(credential.publicKey, credential.algorithm);
  if (!key.ok) return refuse('proof.key_unknown');

  const now = clock.now();
  const evidence = parsed.proof.jws.text;
  const audience = state.configuration?.audience ?? '';
  const verified = await verifyProof(parsed.proof, {
    key,
    credentialId: credential.credentialId,
    audience,
    method: request.method,
    url: requestUrl(audience, request.raw.url ?? '') ?? '',
    bodyDigest: bodyDigest(bodyOf(request)),
    nowSeconds: Math.floor(now / 1000),
  });
  const known = (jti: string): Authenticated => ({
    proof: { evidence, kid: credential.thumbprint, jti },
    credential,
  });
  if (!verified.ok) {
    return anonymousCodes.has(verified.code) ? refuse(verified.code) : refuse(verified.code, known(''));
  }
  const value = known(verified.claims.jti);
  const active = decideCredential(state, credential.thumbprint, utc(now));
  if (!active.ok) return refuse(active.code, value);
  const access = decideAccess(state, value.proof, allowed, utc(now));
  return access.ok ? { ok: true, value } : refuse(access.code, value);
}

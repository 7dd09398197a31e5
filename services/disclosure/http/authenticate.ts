import type { FastifyRequest } from 'fastify';
import {
  type AccessRefusal,
  type Credential,
  decideClock,
  decideCredential,
  decideUse,
  type Role,
} from '#shared/control';
import { utc } from '#shared/runtime';
import {
  bodyDigest,
  isSignatureAlgorithm,
  type Proof,
  type ProofRefusalCode,
  parseProof,
  proofClaimsSchema,
  proofHeader,
  requestUrl,
  validatePublicJwk,
  verifyProof,
} from '#shared/signed-request';
import type { ServiceContext } from '../context.ts';
import { ApiError } from '../errors.ts';
import { bodyOf, readJson } from './request-body.ts';

/** A request whose signature is a known key's: from here on its refusals are entries of their own. */
export interface VerifiedProof {
  readonly text: string;
  readonly kid: string;
  readonly jti: string;
  /** `iat`, seconds since the epoch. */
  readonly issuedAt: number;
  /** Digest that the body must have. */
  readonly bodyDigest: string;
}

/** Refusals that come before a signature was verified: nobody can be held to them. */
const anonymousCodes: ReadonlySet<ProofRefusalCode> = new Set<ProofRefusalCode>([
  'proof.key_unknown',
  'proof.algorithm',
  'proof.signature',
]);

/** Whose request it is. */
export interface Known {
  readonly credential: Credential;
  /** The compact JWS. */
  readonly text: string;
  /** Null where the claims are not those of this request: then it is evidence of nothing but a bad one. */
  readonly proof: VerifiedProof | null;
}

export interface Authenticated extends Known {
  readonly proof: VerifiedProof;
}

/** What went wrong, and whose request it was if that is known. */
export type AuthenticationResult =
  | { readonly ok: true; readonly value: Authenticated }
  | { readonly ok: false; readonly error: ApiError; readonly known?: Known };

/**
 * Verifies a request's head against the enrolled keys, before any of its body is read: nobody without a key
 * makes the service hold a body. The body is checked by `bodyIsAsSigned`. Whether the proof was used before
 * is decided again, in ledger order, by the step that it causes.
 */
export async function authenticate(
  request: FastifyRequest,
  allowed: readonly Role[],
  { control: { state }, clock, nonces }: Pick<ServiceContext, 'control' | 'clock' | 'nonces'>,
): Promise<AuthenticationResult> {
  const refuse = (
    code: ProofRefusalCode | AccessRefusal | 'clock.set_back',
    known?: Known,
  ): AuthenticationResult => ({
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
  const { text } = parsed.proof.jws;
  const audience = state.configuration?.audience ?? '';
  const verified = await verifyProof(parsed.proof, {
    key: { ...key, passkey: credential.passkey },
    credentialId: credential.credentialId,
    audience,
    method: request.method,
    url: requestUrl(audience, request.raw.url ?? '') ?? '',
    // Not known yet, so that the digest that was signed is taken for now.
    bodyDigest: signedBodyDigest(parsed.proof),
    nowSeconds: Math.floor(now / 1000),
  });
  if (!verified.ok && anonymousCodes.has(verified.code)) return refuse(verified.code);
  const unproven = { credential, text, proof: null };
  const clockNow = decideClock(state, utc(now));
  // Before the times are judged: the sender's clock is not to blame.
  if (!clockNow.ok) return refuse(clockNow.code, unproven);
  if (!verified.ok) return refuse(verified.code, unproven);
  const { jti, iat, bdh } = verified.claims;
  // A browser's authenticator signs a challenge: that it was made just now is the server's to say.
  if (credential.passkey && !nonces.isFresh(jti)) return refuse('proof.nonce', unproven);
  const proof = { text, kid: credential.thumbprint, jti, issuedAt: iat, bodyDigest: bdh };
  const value = { credential, text, proof };
  const active = decideCredential(state, credential.thumbprint, clockNow.at);
  if (!active.ok) return refuse(active.code, value);
  const access = decideUse(state, proof, allowed, clockNow.at);
  return access.ok ? { ok: true, value } : refuse(access.code, value);
}

/** What the proof says the body's digest is; nothing where it has no readable claims, which are refused. */
function signedBodyDigest({ jws }: Proof): string {
  const claims = proofClaimsSchema.safeParse(readJson(jws.payload));
  return claims.success ? claims.data.bdh : '';
}

/** Whether the body that came is the one that was signed. */
export function bodyIsAsSigned(request: FastifyRequest, { proof }: Authenticated): boolean {
  return bodyDigest(bodyOf(request)) === proof.bodyDigest;
}

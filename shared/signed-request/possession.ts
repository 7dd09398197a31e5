import { parseCompact, signCompact, verifyCompact } from './compact.ts';
import type { PublicKeyResult, SignerKey } from './keys.ts';
import { type PasskeyDetails, readRegistration, registrationMark } from './passkey-registration.ts';
import { readPossessionClaims, writePossessionClaims } from './possession-claims.ts';
import { proofTiming } from './proof.ts';

/*
 * Proof of possession: before a key is enrolled it signs for what it is to be, as a PKCS #10 request does
 * (RFC 2986). Without it somebody could enrol another person's public key under a name of their own, and
 * later claim what that person signed.
 */

const possessionType = 'griffie-enrolment+jwt';
/** Longest proof: a compact JWS is short, a passkey's registration has its attestation with it. */
export const possessionChars = 8192;
/** Days for which a proof of possession is good: time enough to bring it to two administrators. */
export const possessionDays = 30;

/** What a key is to be enrolled as. */
export interface Enrolment {
  readonly credentialId: string;
  /** The service's configured public URL. */
  readonly audience: string;
  /** The clock of whoever signs or checks, seconds since the epoch. */
  readonly nowSeconds: number;
}

/** A proof of possession that holds; with what is known of the passkey, where the key is one. */
export interface Possession {
  readonly passkey?: PasskeyDetails;
}

/** Signs for a key's own enrolment: a compact JWS. */
export async function provePossession(
  { alg, kid, privateKey }: Pick<SignerKey, 'alg' | 'kid' | 'privateKey'>,
  { credentialId, audience, nowSeconds }: Enrolment,
): Promise<string> {
  const claims = writePossessionClaims({ iss: credentialId, aud: audience, iat: nowSeconds });
  return signCompact(claims, { typ: possessionType, alg, kid }, privateKey);
}

/**
 * Checks that `text` was signed by this key for this enrolment, at most `possessionDays` before.
 * @returns null where it was not
 */
export async function checkPossession(
  text: string,
  key: Extract<PublicKeyResult, { ok: true }>,
  enrolment: Enrolment,
): Promise<Possession | null> {
  if (text.length > possessionChars) return null;
  if (text.startsWith(`${registrationMark}.`)) {
    const registration = await readRegistration(text, key);
    return registration && isFor(registration.claims, enrolment) ? { passkey: registration.passkey } : null;
  }
  const parsed = parseCompact(text, possessionChars);
  if (!parsed.ok || !isFor(parsed.jws.payload, enrolment)) return null;
  const { header } = parsed.jws;
  if (header.typ !== possessionType || header.kid !== key.kid) return null;
  return (await verifyCompact(parsed.jws, key)) ? {} : null;
}

function isFor(payload: Uint8Array, { credentialId, audience, nowSeconds }: Enrolment): boolean {
  const claims = readPossessionClaims(payload);
  if (claims?.iss !== credentialId || claims.aud !== audience) return false;
  const age = nowSeconds - claims.iat;
  return age >= -proofTiming.skewSeconds && age <= possessionDays * 86_400;
}

import { createHash } from 'node:crypto';
import { z } from 'zod';
import { parseStrictJson } from '#shared/runtime';
import { decodeSegments } from './compact.ts';
import type { PublicKeyResult } from './keys.ts';
import { assertionHolds, relyingParty } from './passkey.ts';
import { readPossessionClaims } from './possession-claims.ts';

/*
 * Proof of possession of a passkey: seven base64url segments. The mark, the claims that others sign as a
 * compact JWS; client data and attestation object of its registration (WebAuthn, section 7.1); authenticator
 * data, client data and signature of an assertion. Both are over one challenge that is made of the claims.
 * The assertion is what proves possession: a registration without attestation is signed by nobody, and one
 * with it verifies only as long as the maker's certificates are valid.
 */

/** First segment of such a proof: `griffie-passkey+registration`, base64url. */
export const registrationMark: string = Buffer.from('griffie-passkey+registration').toString('base64url');

/** What the ledger says of a passkey besides its key. */
export interface PasskeyDetails {
  /** Credential id, base64url: the browser finds the key by it. */
  readonly id: string;
  /** `none`, `self`, or the format in which the authenticator's maker vouches for the model. */
  readonly attestation: string;
  /** Model of the authenticator, by what it says itself; zeros where it does not. */
  readonly aaguid: string;
}

/** Longest credential id in bytes; WebAuthn allows 1,023, authenticators use far fewer. */
const maxIdBytes = 256;

const clientDataSchema = z.looseObject({
  type: z.literal('webauthn.create'),
  challenge: z.string(),
  origin: z.string(),
  crossOrigin: z.literal(false).optional(),
});

/** Bytes that an authenticator signs for its enrolment. @param claims of a proof of possession, JSON */
export function registrationChallenge(claims: Uint8Array): Buffer {
  return createHash('sha256').update('griffie-enrolment/v1\n').update(claims).digest();
}

interface Registration {
  readonly claims: Uint8Array;
  readonly audience: string;
  readonly clientDataJson: Buffer;
  readonly attestationObject: Buffer;
  readonly assertion: Parameters<typeof assertionHolds>[0];
}

function parse(text: string): Registration | null {
  const [, claims, clientDataJson, attestationObject, authenticatorData, assertedData, signature] =
    decodeSegments(text, 7) ?? [];
  if (!claims || !clientDataJson || !attestationObject) return null;
  if (!authenticatorData || !assertedData || !signature) return null;
  const audience = readPossessionClaims(claims)?.aud;
  if (audience === undefined || !URL.canParse(audience)) return null;
  const assertion = { authenticatorData, clientDataJson: assertedData, signature };
  return { claims, audience, clientDataJson, attestationObject, assertion };
}

/**
 * Reads a passkey's proof that this key is held by a verified person, for one service. The same in every
 * year; what the authenticator's maker says is for `attestationHolds`.
 * @returns null where it proves nothing
 */
export async function readRegistration(
  text: string,
  key: Extract<PublicKeyResult, { ok: true }>,
): Promise<{ readonly passkey: PasskeyDetails; readonly claims: Uint8Array } | null> {
  const registration = parse(text);
  if (!registration) return null;
  const { claims, audience, clientDataJson, attestationObject, assertion } = registration;
  const party = relyingParty(audience);
  const challenge = registrationChallenge(claims);
  const json = parseStrictJson(clientDataJson);
  const clientData = clientDataSchema.safeParse(json.ok ? json.value : undefined).data;
  if (clientData?.origin !== party.origin) return null;
  if (clientData.challenge !== challenge.toString('base64url')) return null;
  const passkey = await readAttested(attestationObject, party.id, key);
  if (!passkey) return null;
  const isHeld = await assertionHolds(assertion, { id: passkey.id, jwk: key.jwk, challenge, audience });
  return isHeld ? { passkey, claims } : null;
}

/** What the attestation object says, where it is of this key and relying party. */
async function readAttested(
  attestationObject: Buffer,
  relyingPartyId: string,
  key: Extract<PublicKeyResult, { ok: true }>,
): Promise<PasskeyDetails | null> {
  const { parseAuthenticatorData, decodeAttestationObject, convertAAGUIDToString } = await import(
    '@simplewebauthn/server/helpers'
  );
  try {
    const decoded = decodeAttestationObject(Uint8Array.from(attestationObject));
    const { rpIdHash, flags, aaguid, credentialID, credentialPublicKey } = parseAuthenticatorData(
      decoded.get('authData'),
    );
    const ofParty = createHash('sha256').update(relyingPartyId).digest().equals(rpIdHash);
    if (!ofParty || !flags.up || !flags.uv || !aaguid || !credentialPublicKey) return null;
    if (!credentialID || credentialID.length > maxIdBytes) return null;
    if (!(await isKeyOf(credentialPublicKey, key))) return null;
    const format = decoded.get('fmt');
    const isVouchedFor = decoded.get('attStmt').get('x5c') !== undefined;
    return {
      id: Buffer.from(credentialID).toString('base64url'),
      attestation: format === 'none' || isVouchedFor ? format : 'self',
      aaguid: convertAAGUIDToString(aaguid),
    };
  } catch {
    // The library tells what it cannot read by throwing.
    return null;
  }
}

/**
 * Whether a registration's attestation holds now: its signature, and where roots are trusted the maker's
 * certificates. Asked once, at the enrolment.
 */
export async function attestationHolds(text: string): Promise<boolean> {
  const registration = parse(text);
  if (!registration) return false;
  const { claims, audience, clientDataJson, attestationObject } = registration;
  const party = relyingParty(audience);
  const [{ verifyRegistrationResponse }, { parseAuthenticatorData, decodeAttestationObject }] =
    await Promise.all([import('@simplewebauthn/server'), import('@simplewebauthn/server/helpers')]);
  try {
    const decoded = decodeAttestationObject(Uint8Array.from(attestationObject));
    const { credentialID = new Uint8Array() } = parseAuthenticatorData(decoded.get('authData'));
    const id = Buffer.from(credentialID).toString('base64url');
    const { verified } = await verifyRegistrationResponse({
      response: {
        id,
        rawId: id,
        type: 'public-key',
        clientExtensionResults: {},
        response: {
          clientDataJSON: clientDataJson.toString('base64url'),
          attestationObject: attestationObject.toString('base64url'),
        },
      },
      expectedChallenge: registrationChallenge(claims).toString('base64url'),
      expectedOrigin: party.origin,
      expectedRPID: party.id,
      expectedType: 'webauthn.create',
      requireUserVerification: true,
      supportedAlgorithmIDs: [-7, -8],
    });
    return verified;
  } catch {
    // The library tells every mismatch by throwing.
    return false;
  }
}

/** Whether a COSE key (RFC 9053) is the one that is enrolled. */
async function isKeyOf(
  cose: Uint8Array<ArrayBuffer>,
  { jwk, alg }: Extract<PublicKeyResult, { ok: true }>,
): Promise<boolean> {
  const { isoCBOR } = await import('@simplewebauthn/server/helpers');
  const members: unknown = isoCBOR.decodeFirst(cose);
  if (!(members instanceof Map)) return false;
  const has = (label: number, value: number | string): boolean => {
    const found: unknown = members.get(label);
    return found instanceof Uint8Array ? Buffer.from(found).toString('base64url') === value : found === value;
  };
  if (jwk.kty === 'EC') {
    return alg === 'ES256' && has(1, 2) && has(3, -7) && has(-1, 1) && has(-2, jwk.x) && has(-3, jwk.y);
  }
  return jwk.kty === 'OKP' && has(1, 1) && has(3, -8) && has(-1, 6) && has(-2, jwk.x);
}

/**
 * Lets attestations hold in this process only where they lead to one of these authorities of authenticators'
 * makers.
 * @param pem their certificates
 */
export async function trustAttestationRoots(pem: readonly string[]): Promise<void> {
  const { SettingsService } = await import('@simplewebauthn/server');
  for (const identifier of ['packed', 'fido-u2f', 'tpm', 'apple', 'android-key'] as const) {
    SettingsService.setRootCertificates({ identifier, certificates: [...pem] });
  }
}

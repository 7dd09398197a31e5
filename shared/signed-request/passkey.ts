import { createHash } from 'node:crypto';
import type { CompactJws, PinnedKey } from './compact.ts';
import type { PublicJwk } from './keys.ts';

/*
 * Signed requests by passkeys (WebAuthn, W3C Recommendation, Level 3). An authenticator signs nothing but
 * its own data and a challenge, so that the challenge is made of the request:
 *
 *   SHA-256("griffie-request/v1\n" ‖ server nonce ‖ SHA-256(claims))
 *
 * where the claims are those of every signed request, the digest of the body among them, and the nonce is
 * their `jti`, decoded. What goes over the wire and into the ledger is one text of five base64url segments,
 * which verifies years later: header, claims, authenticator data, client data, signature.
 */

export const passkeyRequestType = 'griffie-passkey+request';

/** What the authenticator signed besides the claims. */
export interface Assertion {
  readonly authenticatorData: Uint8Array;
  readonly clientDataJson: Uint8Array;
  readonly signature: Uint8Array;
}

/** Bytes that an authenticator must sign for a request. @param nonce the claims' `jti`, decoded */
export function requestChallenge(nonce: Uint8Array, claims: Uint8Array): Buffer {
  const digest = createHash('sha256').update(claims).digest();
  return createHash('sha256').update('griffie-request/v1\n').update(nonce).update(digest).digest();
}

/** A web page's origin and the name that its passkeys belong to, from the service's public URL. */
export function relyingParty(audience: string): { readonly origin: string; readonly id: string } {
  const { origin, hostname } = new URL(audience);
  return { origin, id: hostname };
}

/**
 * Whether the authenticator signed this request: its challenge, origin and relying party of the service that
 * the claims are for, with the person verified.
 */
export async function verifyAssertion(
  { payload, assertion }: CompactJws,
  { jwk, passkey }: PinnedKey,
): Promise<boolean> {
  const claims = readClaims(payload);
  if (!assertion || !passkey || claims === null) return false;
  const challenge = requestChallenge(Buffer.from(claims.jti, 'base64url'), payload);
  return assertionHolds(assertion, { id: passkey.id, jwk, challenge, audience: claims.aud });
}

/**
 * Whether a passkey signed a challenge on the service's origin, with the person verified (WebAuthn, section
 * 7.2). The library is loaded when it is needed: it takes a second.
 * @param expected `id`: credential id, base64url; `audience`: an absolute URL
 */
export async function assertionHolds(
  assertion: Assertion,
  expected: {
    readonly id: string;
    readonly jwk: PublicJwk;
    readonly challenge: Uint8Array;
    readonly audience: string;
  },
): Promise<boolean> {
  const { id, jwk, challenge, audience } = expected;
  const party = relyingParty(audience);
  const { verifyAuthenticationResponse } = await import('@simplewebauthn/server');
  try {
    const { verified } = await verifyAuthenticationResponse({
      response: {
        id,
        rawId: id,
        type: 'public-key',
        clientExtensionResults: {},
        response: {
          clientDataJSON: base64url(assertion.clientDataJson),
          authenticatorData: base64url(assertion.authenticatorData),
          signature: base64url(assertion.signature),
        },
      },
      expectedChallenge: base64url(challenge),
      expectedOrigin: party.origin,
      expectedRPID: party.id,
      expectedType: 'webauthn.get',
      requireUserVerification: true,
      // The counter is no part of the decision: passkeys that are copied between devices keep none.
      credential: { id, publicKey: await coseKey(jwk), counter: 0 },
    });
    return verified;
  } catch {
    // The library tells every mismatch by throwing.
    return false;
  }
}

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');

/** What of the claims the challenge hangs on; whether they are whole is for whoever verifies the request. */
function readClaims(payload: Uint8Array): { readonly aud: string; readonly jti: string } | null {
  try {
    const { aud, jti }: { aud?: unknown; jti?: unknown } = JSON.parse(Buffer.from(payload).toString('utf8'));
    return typeof aud === 'string' && URL.canParse(aud) && typeof jti === 'string' ? { aud, jti } : null;
  } catch {
    return null;
  }
}

/** A public key in COSE's form (RFC 9053), as the library takes it. */
async function coseKey(jwk: PublicJwk): Promise<Uint8Array<ArrayBuffer>> {
  const { isoCBOR } = await import('@simplewebauthn/server/helpers');
  const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'base64url'));
  const members = new Map<number, number | Uint8Array<ArrayBuffer>>();
  if (jwk.kty === 'EC') {
    members.set(1, 2).set(3, -7).set(-1, 1).set(-2, bytes(jwk.x)).set(-3, bytes(jwk.y));
  } else if (jwk.kty === 'OKP') {
    members.set(1, 1).set(3, -8).set(-1, 6).set(-2, bytes(jwk.x));
  } else throw new TypeError('no passkey is enrolled with this key');
  return isoCBOR.encode(members);
}

import { type CompactJws, importVerifier, validatePublicJwk } from '#shared/signed-request';
import type { Credential } from './state.ts';

/** Whether a request was signed with one credential's key. */
export type Verifier = (jws: CompactJws) => Promise<boolean>;

/** By the key as it was enrolled. Nothing is by a key that could not have been. */
export async function verifierOf({
  thumbprint,
  publicKey,
  algorithm,
  passkey,
}: Credential): Promise<Verifier> {
  const key = await validatePublicJwk(publicKey, algorithm);
  return key.ok && key.kid === thumbprint ? importVerifier({ ...key, passkey }) : async () => false;
}

import type { CeremonyAdministrator } from '#services/disclosure';
import type { Role } from '#shared/control';
import { utc } from '#shared/runtime';
import { provePossession, type SigningKey } from '#shared/signed-request';

/** A key with the name that it is to have, at one service. */
export interface Candidate {
  readonly key: SigningKey;
  readonly credentialId: string;
  readonly audience: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** An administrator as the ceremony on the console names them; the person is called as the credential. */
export async function ceremonyAdministrator(candidate: Candidate): Promise<CeremonyAdministrator> {
  const { key, credentialId } = candidate;
  const { alg, publicJwk, kid } = key;
  const possession = await possessionOf(candidate);
  const publicKey = { ...publicJwk };
  return { credentialId, personId: credentialId, algorithm: alg, publicKey, thumbprint: kid, possession };
}

/** Body of `POST /v1/credentials`: valid for a year from now. */
export async function enrolmentBody(candidate: Candidate, personId: string, role: Role) {
  const { key, credentialId, now } = candidate;
  return {
    credentialId,
    personId,
    role,
    algorithm: key.alg,
    publicKey: { ...key.publicJwk },
    notBefore: utc(now),
    notAfter: utc(now + 365 * 86_400_000),
    possession: await possessionOf(candidate),
  };
}

const possessionOf = ({ key, credentialId, audience, now }: Candidate): Promise<string> =>
  provePossession(key, { credentialId, audience, nowSeconds: Math.floor(now / 1000) });

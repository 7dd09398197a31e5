import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { readPemCertificates } from '#shared/certificates';
import { type PasskeyDetails, trustAttestationRoots } from '#shared/signed-request';

/** Which authenticators passkeys may be on. */
export const passkeyPolicySchema = z.strictObject({
  /** AAGUIDs of the models. */
  models: z
    .array(z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'is no AAGUID in lower case'))
    .min(1)
    .max(64),
  /** PEM of the authorities with which their makers vouch for them. */
  rootsFile: z.string().min(1).max(4096),
});
export type PasskeyPolicy = z.infer<typeof passkeyPolicySchema>;

export class PasskeyPolicyError extends Error {
  readonly code = 'passkeys.roots';
  constructor(path: string) {
    super(`${path} holds no PEM certificates that can be used`);
    this.name = 'PasskeyPolicyError';
  }
}

/**
 * Puts a policy in force. @returns its models @throws PasskeyPolicyError
 */
export async function applyPasskeyPolicy({ models, rootsFile }: PasskeyPolicy): Promise<readonly string[]> {
  const roots = readPemCertificates(await readFile(rootsFile, 'utf8'));
  if (roots === null) throw new PasskeyPolicyError(rootsFile);
  const pem = (der: Uint8Array): string =>
    `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`;
  await trustAttestationRoots(roots.map(pem));
  return models;
}

/**
 * Whether a key may be enrolled by what its authenticator is. Where models are named, the model must be one
 * of them, and attested: an authenticator that attests nothing can call itself anything. A key that is no
 * passkey's is not concerned.
 */
export function modelIsAllowed(passkey: PasskeyDetails | undefined, models: ReadonlySet<string>): boolean {
  if (passkey === undefined || models.size === 0) return true;
  const isAttested = passkey.attestation !== 'none' && passkey.attestation !== 'self';
  return isAttested && models.has(passkey.aaguid);
}

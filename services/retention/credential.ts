import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import { labelSchema } from '#shared/control';
import { importPrivateJwk, type SigningKey } from '#shared/signed-request';

/** The service's credential cannot be used. */
export class CredentialError extends Error {
  readonly code = 'config.credential';
  constructor(why: string) {
    super(`the file that RETENTION_CREDENTIAL_FILE names ${why}`);
    this.name = 'CredentialError';
  }
}

/** With which the retention service signs, and where. */
export interface RetentionCredential {
  readonly credentialId: string;
  /** Public URL of the disclosure API. */
  readonly service: string;
  readonly key: SigningKey;
}

/** As `griffie key new` writes it. */
const file = z.object({
  credentialId: labelSchema,
  service: z.url({ protocol: /^https?$/ }),
  privateKey: z.record(z.string(), z.string()),
});

/** @throws CredentialError */
export async function readCredential(path: string): Promise<RetentionCredential> {
  const { mode } = await stat(path).catch(() => {
    throw new CredentialError('is not there');
  });
  if ((mode & 0o077) !== 0) throw new CredentialError('can be read by others than the service');
  try {
    const { credentialId, service, privateKey } = file.parse(JSON.parse(await readFile(path, 'utf8')));
    return { credentialId, service, key: await importPrivateJwk(privateKey) };
  } catch {
    // The cause is dropped on purpose: nothing about a private key goes further.
    throw new CredentialError('is no credential: make one with griffie key new');
  }
}

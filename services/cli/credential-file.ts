import { stat } from 'node:fs/promises';
import { platform } from 'node:os';
import { z } from 'zod';
import { labelSchema, thumbprintSchema } from '#shared/control';
import {
  exportPrivateJwk,
  importPrivateJwk,
  type SigningKey,
  signatureAlgorithms,
  validatePublicJwk,
} from '#shared/signed-request';
import { unusable } from './errors.ts';
import { fileError, readJsonAs, writeNewFile } from './files.ts';
import { serviceUrlSchema } from './service-url.ts';

export const algorithmNames = Object.keys(signatureAlgorithms) as (keyof typeof signatureAlgorithms)[];

/** What a person keeps: the key that signs their requests, and where it is enrolled. Nobody else reads it. */
const credentialFileSchema = z.strictObject({
  credentialId: labelSchema,
  /** Public URL of the service, as its operator configured it. */
  service: serviceUrlSchema,
  algorithm: z.enum(algorithmNames),
  /** RFC 7638 thumbprint of the public key. */
  thumbprint: thumbprintSchema,
  /** JWK with its `alg`. */
  privateKey: z.record(z.string(), z.string()),
});

/** What the administrator gets. */
const publicKeyFileSchema = z.strictObject({
  credentialId: labelSchema,
  algorithm: z.enum(algorithmNames),
  publicKey: z.record(z.string(), z.string()),
  thumbprint: thumbprintSchema,
});
export type PublicKeyFile = z.infer<typeof publicKeyFileSchema>;

/** A credential that can sign. */
export interface UsableCredential {
  readonly credentialId: string;
  readonly service: string;
  readonly key: SigningKey;
}

export async function writeCredentialFile(
  path: string,
  { credentialId, service, key }: UsableCredential,
): Promise<void> {
  const content: z.infer<typeof credentialFileSchema> = {
    credentialId,
    service,
    algorithm: key.alg,
    thumbprint: key.kid,
    privateKey: privateMembers(await exportPrivateJwk(key)),
  };
  await writeNewFile(path, `${JSON.stringify(content, null, 2)}\n`);
}

/** Reads a credential file. Refuses one that other users of the computer can read, as ssh does. */
export async function readCredentialFile(path: string): Promise<UsableCredential> {
  await requirePrivate(path);
  const { credentialId, service, algorithm, thumbprint, privateKey } = await readJsonAs(
    path,
    'credential file',
    credentialFileSchema,
  );
  let key: SigningKey;
  try {
    key = await importPrivateJwk(privateKey);
  } catch {
    // The cause is dropped on purpose: nothing about a private key goes further.
    throw damaged(path);
  }
  if (key.kid !== thumbprint || key.alg !== algorithm) throw damaged(path);
  return { credentialId, service, key };
}

export function publicKeyOf({ credentialId, key }: UsableCredential): PublicKeyFile {
  return { credentialId, algorithm: key.alg, publicKey: { ...key.publicJwk }, thumbprint: key.kid };
}

/** Reads what `griffie key public` wrote, and checks that the thumbprint is the key's. */
export async function readPublicKeyFile(path: string): Promise<PublicKeyFile> {
  const file = await readJsonAs(path, 'public key file', publicKeyFileSchema);
  const valid = await validatePublicJwk(file.publicKey, file.algorithm);
  if (!valid.ok || valid.kid !== file.thumbprint) {
    throw unusable(
      'file.damaged',
      `${path} holds a key that is not the one its thumbprint names; ask for it again`,
    );
  }
  return file;
}

async function requirePrivate(path: string): Promise<void> {
  if (platform() === 'win32') return;
  let mode: number;
  try {
    ({ mode } = await stat(path));
  } catch (error) {
    throw fileError(path, error);
  }
  if ((mode & 0o077) !== 0) {
    throw unusable('file.not_private', `${path} can be read by other users; run chmod 600 ${path}`);
  }
}

function damaged(path: string) {
  return unusable('file.damaged', `${path} holds no usable private key; make a new one with griffie key new`);
}

function privateMembers(jwk: object): Record<string, string> {
  return Object.fromEntries(
    Object.entries(jwk).filter((member): member is [string, string] => typeof member[1] === 'string'),
  );
}

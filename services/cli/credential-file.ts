import { stat } from 'node:fs/promises';
import { platform } from 'node:os';
import { z } from 'zod';
import { labelSchema, thumbprintSchema } from '#shared/control';
import {
  exportPrivateJwk,
  importPrivateJwk,
  possessionChars,
  provePossession,
  type SignerKey,
  type SigningKey,
  signatureAlgorithms,
  validatePublicJwk,
} from '#shared/signed-request';
import { refused, unusable } from './errors.ts';
import { fileError, readJsonAs, writeNewFile } from './files.ts';
import type { CliIo } from './io.ts';
import { isTokenUri, openTokenKey, parseTokenUri } from './pkcs11/index.ts';
import { serviceUrlSchema } from './service-url.ts';

type TokenIo = Pick<CliIo, 'env' | 'askSecret'>;

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

/** The same for a key on a token (a smart card): where it is. Holds no secret. */
const tokenFileSchema = z.strictObject({
  credentialId: labelSchema,
  service: serviceUrlSchema,
  algorithm: z.enum(algorithmNames),
  thumbprint: thumbprintSchema,
  /** PKCS #11 URI (RFC 7512). */
  pkcs11: z.string().max(2048),
});

/** What the administrators get. */
const publicKeyFileSchema = z.strictObject({
  credentialId: labelSchema,
  algorithm: z.enum(algorithmNames),
  publicKey: z.record(z.string(), z.string()),
  thumbprint: thumbprintSchema,
  /** The key's own signature for its enrolment at one service. */
  possession: z.string().max(possessionChars),
});
export type PublicKeyFile = z.infer<typeof publicKeyFileSchema>;

/** A credential that can sign. */
export interface UsableCredential {
  readonly credentialId: string;
  readonly service: string;
  readonly key: SignerKey;
}

export async function writeCredentialFile(
  path: string,
  { credentialId, service, key }: UsableCredential & { readonly key: SigningKey },
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

/** A credential file for a key on a token, by its PKCS #11 URI. */
export async function writeTokenFile(
  path: string,
  { credentialId, service, key, pkcs11 }: UsableCredential & { readonly pkcs11: string },
): Promise<void> {
  const names = { credentialId, service, algorithm: key.alg, thumbprint: key.kid };
  const content: z.infer<typeof tokenFileSchema> = { ...names, pkcs11 };
  await writeNewFile(path, `${JSON.stringify(content, null, 2)}\n`);
}

/**
 * The credential of `--as`: a credential file, or a key on a token by its PKCS #11 URI.
 * @throws CliError
 */
export async function openCredential(io: TokenIo, as: string): Promise<UsableCredential> {
  if (!isTokenUri(as)) return readCredentialFile(as, io);
  const { credentialId, service, ...where } = parseTokenUri(as);
  if (credentialId === undefined || service === undefined) {
    throw unusable(
      'pkcs11.uri',
      'add ?x-griffie-credential=ID&x-griffie-service=URL, or make a credential file with griffie key new --pkcs11',
    );
  }
  return { credentialId, service, key: (await openTokenKey(io, where)).key };
}

/** Reads a credential file. Refuses one that other users of the computer can read, as ssh does. */
export async function readCredentialFile(path: string, io: TokenIo): Promise<UsableCredential> {
  await requirePrivate(path);
  const file = await readJsonAs(path, 'credential file', z.union([credentialFileSchema, tokenFileSchema]));
  const { credentialId, service, algorithm, thumbprint } = file;
  const key =
    'pkcs11' in file
      ? (await openTokenKey(io, parseTokenUri(file.pkcs11))).key
      : await importPrivateJwk(file.privateKey).catch(() => {
          // The cause is dropped on purpose: nothing about a private key goes further.
          throw damaged(path);
        });
  if (key.kid !== thumbprint || key.alg !== algorithm) {
    throw 'pkcs11' in file ? otherKey(path) : damaged(path);
  }
  return { credentialId, service, key };
}

/** The public half, with which the key signs for its own enrolment. @param now milliseconds since the epoch */
export async function publicKeyOf(
  { credentialId, service, key }: UsableCredential,
  now: number,
): Promise<PublicKeyFile> {
  const enrolment = { credentialId, audience: service, nowSeconds: Math.floor(now / 1000) };
  const possession = await provePossession(key, enrolment);
  const { alg, publicJwk, kid } = key;
  return { credentialId, algorithm: alg, publicKey: { ...publicJwk }, thumbprint: kid, possession };
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

function otherKey(path: string) {
  return refused('pkcs11.object', `the key on the token is another one than ${path} was made for`);
}

function damaged(path: string) {
  return unusable('file.damaged', `${path} holds no usable private key; make a new one with griffie key new`);
}

function privateMembers(jwk: object): Record<string, string> {
  return Object.fromEntries(
    Object.entries(jwk).filter((member): member is [string, string] => typeof member[1] === 'string'),
  );
}

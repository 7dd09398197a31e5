import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { labelSchema, thumbprintSchema } from '#shared/control';
import { makePrivateFolder, parseStrictJson, writeFileDurably } from '#shared/runtime';
import { possessionChars } from '#shared/signed-request';

/*
 * The ceremony on the server's console: two people bring the public halves of their keys, and the next start
 * enrols them as the first administrators, in the ledger. It needs no service that runs, and no secret ever
 * lies on the server.
 */

const administratorSchema = z.strictObject({
  credentialId: labelSchema,
  personId: labelSchema,
  algorithm: z.string().max(16),
  publicKey: z.record(z.string().max(8), z.string().max(1024)),
  thumbprint: thumbprintSchema,
  /** See `provePossession`. */
  possession: z.string().max(possessionChars),
});
/** An administrator as the ceremony names them; the ledger adds role and validity. */
export type CeremonyAdministrator = z.infer<typeof administratorSchema>;

const ceremonySchema = z.strictObject({ administrators: z.array(administratorSchema).min(1).max(2) });

/** In the key folder. Holds nothing secret; whoever can write it before a start makes administrators. */
export const ceremonyFile = 'administrators.json';

export class CeremonyFileError extends Error {
  readonly code = 'bootstrap.file';
  constructor(path: string) {
    super(`${path} is not what griffie service bootstrap writes; remove it and run that again`);
    this.name = 'CeremonyFileError';
  }
}

/** Leaves the result of a ceremony for the next start; that of an earlier one is replaced. */
export async function writeCeremony(
  keyFolder: string,
  administrators: readonly CeremonyAdministrator[],
): Promise<string> {
  await makePrivateFolder(keyFolder);
  const path = join(keyFolder, ceremonyFile);
  await writeFileDurably(path, `${JSON.stringify(ceremonySchema.parse({ administrators }), null, 2)}\n`);
  return path;
}

/**
 * The administrators of the last ceremony; none where there was none.
 * @throws CeremonyFileError
 */
export async function readCeremony(keyFolder: string): Promise<readonly CeremonyAdministrator[]> {
  const path = join(keyFolder, ceremonyFile);
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
  const json = parseStrictJson(bytes);
  const parsed = ceremonySchema.safeParse(json.ok ? json.value : undefined);
  if (!parsed.success) throw new CeremonyFileError(path);
  return parsed.data.administrators;
}

import { z } from 'zod';
import type { ManifestKey } from '#shared/disclosure-package';
import { LedgerError, type NoteVerifier, parseVerifierKey } from '#shared/ledger';
import { validatePublicJwk } from '#shared/signed-request';
import { unusable } from './errors.ts';
import { readJsonAs } from './files.ts';

/**
 * The service's public keys as they were once compared with its operator. What verifies a package or the
 * ledger comes from here, never from the package or the ledger.
 */
export const pinFileSchema = z.strictObject({
  audience: z.string().min(1).max(2048),
  /** JWK of the key that signs manifests. */
  manifestKey: z.record(z.string(), z.string()),
  /** RFC 7638 thumbprint of `manifestKey`. */
  manifestKeyId: z.string(),
  /** Verifier key (vkey) of the ledger's checkpoints. */
  ledgerKey: z.string().max(512),
  /** Those before it, oldest first, each with the size of the ledger's tree at which the next one took over. */
  earlierLedgerKeys: z
    .array(z.strictObject({ key: z.string().max(512), until: z.int().min(1) }))
    .max(1000)
    .optional(),
  retrievedAt: z.iso.datetime({ precision: 3 }),
});
export type PinFile = z.infer<typeof pinFileSchema>;

export interface PinnedKeys {
  readonly audience: string;
  readonly manifestKey: ManifestKey;
  readonly ledgerVerifier: NoteVerifier;
  readonly earlierLedgerKeys: readonly EarlierKey[];
}

/** A key that the ledger had; what it signed of larger trees is not the ledger's. */
export interface EarlierKey {
  readonly verifier: NoteVerifier;
  readonly until: number;
}

/** Keys as a service states them, checked to be usable. @returns null where one is not. */
export async function usableKeys(
  keys: Pick<PinFile, 'audience' | 'manifestKey' | 'ledgerKey' | 'earlierLedgerKeys'>,
): Promise<PinnedKeys | null> {
  const manifest = await validatePublicJwk(keys.manifestKey, 'EdDSA');
  if (!manifest.ok) return null;
  try {
    return {
      audience: keys.audience,
      manifestKey: { kid: manifest.kid, jwk: manifest.jwk },
      ledgerVerifier: parseVerifierKey(keys.ledgerKey),
      earlierLedgerKeys: (keys.earlierLedgerKeys ?? []).map(({ key, until }) => ({
        verifier: parseVerifierKey(key),
        until,
      })),
    };
  } catch (error) {
    if (error instanceof LedgerError) return null;
    throw error;
  }
}

/** As they were kept, for a command that keeps them anew. */
export const readPins = (path: string): Promise<PinFile> =>
  readJsonAs(path, 'file of pinned keys', pinFileSchema);

export async function readPinFile(path: string): Promise<PinnedKeys> {
  const file = await readPins(path);
  const keys = await usableKeys(file);
  if (keys === null || keys.manifestKey.kid !== file.manifestKeyId) {
    throw unusable(
      'file.damaged',
      `${path} holds keys that cannot be used; make it again with griffie service keys`,
    );
  }
  return keys;
}

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
  retrievedAt: z.iso.datetime({ precision: 3 }),
});
export type PinFile = z.infer<typeof pinFileSchema>;

export interface PinnedKeys {
  readonly audience: string;
  readonly manifestKey: ManifestKey;
  readonly ledgerVerifier: NoteVerifier;
}

/** Keys as a service states them, checked to be usable. @returns null where one is not. */
export async function usableKeys(
  keys: Pick<PinFile, 'audience' | 'manifestKey' | 'ledgerKey'>,
): Promise<PinnedKeys | null> {
  const manifest = await validatePublicJwk(keys.manifestKey, 'EdDSA');
  if (!manifest.ok) return null;
  try {
    return {
      audience: keys.audience,
      manifestKey: { kid: manifest.kid, jwk: manifest.jwk },
      ledgerVerifier: parseVerifierKey(keys.ledgerKey),
    };
  } catch (error) {
    if (error instanceof LedgerError) return null;
    throw error;
  }
}

export async function readPinFile(path: string): Promise<PinnedKeys> {
  const file = await readJsonAs(path, 'file of pinned keys', pinFileSchema);
  const keys = await usableKeys(file);
  if (keys === null || keys.manifestKey.kid !== file.manifestKeyId) {
    throw unusable(
      'file.damaged',
      `${path} holds keys that cannot be used; make it again with griffie service keys`,
    );
  }
  return keys;
}

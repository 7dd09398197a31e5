import { authorityIds } from '#shared/certificates';
import type { RevocationPolicy } from '#shared/control';
import { readLists } from './read-lists.ts';
import type { RevocationSettings } from './settings.ts';

/** An authority that must have a revocation list is not known. */
export class RevocationSettingsError extends Error {
  readonly code = 'certificates.lists';
  constructor(sha256: string) {
    super(
      `the certificate ${sha256}, of whose authority a revocation list is required, is neither an anchor nor beside the lists`,
    );
    this.name = 'RevocationSettingsError';
  }
}

/**
 * The policy as the ledger has it: ids of authorities in place of digests of their certificates.
 * @throws RevocationSettingsError
 */
export async function requiredAuthorities(
  { path, required }: RevocationSettings,
  anchors: readonly Uint8Array[],
): Promise<RevocationPolicy> {
  if (required === 'all' || required.length === 0) return { required };
  const { authorities } = await readLists(path).catch(() => ({ authorities: [] }));
  const ids = await authorityIds([...anchors, ...authorities]);
  return {
    required: [...new Set(required)].map((sha256) => {
      const id = ids.get(sha256);
      if (id === undefined) throw new RevocationSettingsError(sha256);
      return id;
    }),
  };
}

import type { DiskKeysLook, DiskKeyUse } from '../disk-keys.ts';
import { StoreError } from '../errors.ts';
import { type DiskLook, sizeOf } from './disk-look.ts';
import { digestOf } from './encrypted-file.ts';
import type { StoredKey } from './key-store.ts';
import { maxRewrittenBytes } from './rewrite.ts';

/** Joins the keys with what the disk's files say. */
export async function usesOf(
  keys: readonly StoredKey[],
  { uses, files, strange }: DiskLook,
  folder: string,
): Promise<DiskKeysLook> {
  const joined = await Promise.all(
    keys.map(async ({ secret: _, ...key }, index): Promise<DiskKeyUse> => {
      const { dayFiles = 0, firstDay = null, lastDay = null, others = [] } = uses.get(key.fingerprint) ?? {};
      const current = index === keys.length - 1;
      // A file that says nothing of its key may need any of them.
      const free =
        !current && strange === 0 && dayFiles === 0 && (await sizeOf(folder, others)) <= maxRewrittenBytes;
      return { ...key, current, files: dayFiles, firstDay, lastDay, free };
    }),
  );
  return { keys: joined, needed: new Set([...uses.keys()].map(digestOf)), files };
}

/**
 * The engine would put aside what it cannot decrypt; so it is not started without a key that is needed.
 * @throws {StoreError} `store.key_missing`
 */
export function assertKeysThere(keys: readonly StoredKey[], { uses }: DiskLook, keyFolder: string): void {
  const known = new Set(keys.map(({ fingerprint }) => fingerprint));
  const missing = [...uses].filter(([fingerprint]) => !known.has(fingerprint));
  const [first] = missing;
  if (first === undefined) return;
  const files = missing.reduce((sum, [, { dayFiles, others }]) => sum + dayFiles + others.length, 0);
  const days = missing
    .flatMap(([, { firstDay, lastDay }]) => (firstDay && lastDay ? [firstDay, lastDay] : []))
    .sort();
  const span = days.length === 0 ? '' : `, of days from ${days[0]} to ${days.at(-1)},`;
  const named = missing.map(([fingerprint]) => digestOf(fingerprint).slice(0, 16)).join(', ');
  throw new StoreError(
    'store.key_missing',
    `${files} files of the store${span} need ${missing.length === 1 ? 'a key' : 'keys'} of the encrypted disk that ` +
      `${missing.length === 1 ? 'is' : 'are'} not in ${keyFolder} (${named}). Bring the key folder back, or name it ` +
      'where it is. Without the key, what is under it can be read by nobody',
  );
}

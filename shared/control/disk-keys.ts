import { z } from 'zod';
import { utcTimestamp } from '#shared/traffic';

/*
 * What the ledger says of the keys under which traffic data lie on the disk, and the rules for its entries.
 * A key is made, followed by another, and destroyed when no file needs it any more: first an entry that says
 * so, then the key goes, then an entry that it is gone. Nothing here is made from a key but the digest of its
 * fingerprint.
 */

/**
 * Of which disk a key is: 0 where an installation has one; on each further host of a cluster a number of its own,
 * 1 to 999, which are the last three digits of a key's id there. Ids of disk 0 are seconds, and so shorter.
 */
export const diskOfKey = (keyId: number): number => (keyId < 1e11 ? 0 : keyId % 1000);

const day = z.iso.date();
const named = {
  /** Later keys of a disk have greater ids. */
  keyId: z.int().min(1),
  /** SHA-256 of the fingerprint by which files name the key, hex. */
  fingerprintSha256: z.string().regex(/^[0-9a-f]{64}$/),
};
const covered = {
  ...named,
  /** First and last day (UTC) on which data were written under it. */
  from: day,
  to: day,
  /** Files of the disk whose headers were read, and of which none named the key. */
  filesChecked: z.int().min(0),
};

export const diskKeyDetails = {
  /** From `createdAt` on new files of its disk are written under this key, and none under the one before it. */
  'disk_key.created': z.strictObject({ ...named, createdAt: utcTimestamp }),
  /** No file needs the key. It is about to be destroyed. */
  'disk_key.retired': z.strictObject(covered),
  /** The key is gone, and with it every copy of what was under it. */
  'disk_key.destroyed': z.strictObject({
    ...covered,
    destroyedAt: utcTimestamp,
    /**
     * `erased`: overwritten, then unlinked. `found_gone`: it was no longer in the key store, after a crash
     * in the middle of that or by another hand.
     */
    how: z.enum(['erased', 'found_gone']),
  }),
} as const;

type Details = { [K in keyof typeof diskKeyDetails]: z.infer<(typeof diskKeyDetails)[K]> };
export type DiskKeyKind = keyof Details;
/** An entry about a key as it is decided: time and actor are added by who appends it. */
export type DiskKeyDraft = {
  [K in DiskKeyKind]: { readonly kind: K; readonly details: Details[K] };
}[DiskKeyKind];

/** A key that is not destroyed, as the ledger knows it. */
export const recordedDiskKey = z.strictObject({
  ...named,
  createdAt: utcTimestamp,
  /** From when on files are written under the next key; null where this is the last one. */
  usedUntil: utcTimestamp.nullable(),
  /** Whether its destruction was begun. */
  retired: z.boolean(),
});
export type RecordedDiskKey = z.infer<typeof recordedDiskKey>;

/** Codes of what the rules refuse. */
export type DiskKeyRefusal =
  | 'disk_key.not_later'
  | 'disk_key.unknown'
  | 'disk_key.in_use'
  | 'disk_key.differs';

/** What the ledger knows of keys after the entry. */
export type DiskKeyDecision =
  | { readonly ok: true; readonly keys: RecordedDiskKey[] }
  | { readonly ok: false; readonly code: DiskKeyRefusal };

const refuse = (code: DiskKeyRefusal): DiskKeyDecision => ({ ok: false, code });

export const isDiskKeyDraft = <T extends { readonly kind: string }>(
  draft: T,
): draft is Extract<T, { readonly kind: DiskKeyKind }> => Object.hasOwn(diskKeyDetails, draft.kind);

/**
 * Whether an entry about a key may follow.
 * @param keys those that are not destroyed, the oldest first
 */
export function decideDiskKey(
  keys: readonly RecordedDiskKey[],
  draft: DiskKeyDraft,
  at: string,
): DiskKeyDecision {
  if (draft.kind === 'disk_key.created') {
    const { keyId, createdAt } = draft.details;
    const last = keys.filter((one) => diskOfKey(one.keyId) === diskOfKey(keyId)).at(-1);
    const isLater = last === undefined || (keyId > last.keyId && createdAt >= last.createdAt);
    if (!isLater || createdAt > at) return refuse('disk_key.not_later');
    const before = keys.map((one) => (one === last ? { ...last, usedUntil: createdAt } : one));
    return { ok: true, keys: [...before, { ...draft.details, usedUntil: null, retired: false }] };
  }
  const { keyId, fingerprintSha256, from, to } = draft.details;
  const key = keys.find((one) => one.keyId === keyId && one.fingerprintSha256 === fingerprintSha256);
  if (key === undefined) return refuse('disk_key.unknown');
  // The last key of a disk is the one that is written under: it is never destroyed.
  if (key.usedUntil === null) return refuse('disk_key.in_use');
  if (from !== dayOf(key.createdAt) || to !== dayOf(key.usedUntil)) return refuse('disk_key.differs');
  if (draft.kind === 'disk_key.retired') {
    if (key.retired) return refuse('disk_key.differs');
    return { ok: true, keys: keys.map((one) => (one === key ? { ...key, retired: true } : one)) };
  }
  if (!key.retired) return refuse('disk_key.in_use');
  if (draft.details.destroyedAt > at) return refuse('disk_key.differs');
  return { ok: true, keys: keys.filter((one) => one !== key) };
}

const dayOf = (at: string): string => at.slice(0, 10);

import { z } from 'zod';
import { decodeUtf8, parseDecimal } from './base64.ts';
import { openCheckpoint, type SignedCheckpoint } from './checkpoint.ts';
import { decodeEntry, type LedgerEntry } from './entry.ts';
import { LedgerError } from './errors.ts';
import { type NoteVerifier, noteKeyTypes, parseVerifierKey } from './note-key.ts';
import { parseReceipt, verifyReceipt } from './receipt.ts';

/*
 * How a log changes its key. An entry names the old key and the new one, and the checkpoint that first has
 * the entry is signed by both. The receipt of that entry under that checkpoint is all the proof there is:
 * whoever knows the old key learns the new one from it, and from nothing else. It is public, beside the
 * tiles, for ever, because the checkpoints after it need not bear the old key's signature.
 */

/** Kind of the entry. */
export const keyRotatedKind = 'ledger.key_rotated';

export const keyRotationDetails = z.strictObject({
  /** Verifier key that signed the checkpoints until this entry. */
  from: z.string().max(512),
  /** Verifier key that signs every checkpoint from this entry on. */
  to: z.string().max(512),
});

/** Rotations that are looked for; a log that changed its key every day would take three years for so many. */
export const maxRotations = 1000;

/** Name of the receipt of the log's `n`th change of key, from 1. */
export const rotationPath = (n: number): string => `rotation/${n}`;

/** Whether a path is one of those. */
export function isRotationPath(path: string): boolean {
  const n = parseDecimal(/^rotation\/(\d+)$/.exec(path)?.[1] ?? '');
  return n !== null && n >= 1 && n <= maxRotations;
}

/** A change of key that was verified. */
export interface KeyRotation {
  /** Of the entry. */
  readonly index: number;
  readonly from: NoteVerifier;
  readonly to: NoteVerifier;
  /** Signed by both. */
  readonly checkpoint: SignedCheckpoint;
}

export type RotationRefusal =
  /** No receipt of such an entry. */
  | 'rotation.malformed'
  /** It names another old key than the one that is known. */
  | 'rotation.other_key'
  /** The key that is known did not sign it. */
  | 'rotation.not_by_old_key'
  /** Whoever wrote it does not have the new key. */
  | 'rotation.not_by_new_key'
  /** The entry is not in the tree that was signed. */
  | 'rotation.not_in_tree';

export type VerifiedRotation =
  | { readonly ok: true; readonly rotation: KeyRotation }
  | { readonly ok: false; readonly reason: RotationRefusal };

/** @param known the key that is believed to be the log's before the change */
export function verifyRotation(receipt: string, known: NoteVerifier): VerifiedRotation {
  const refuse = (reason: RotationRefusal): VerifiedRotation => ({ ok: false, reason });
  const read = readRotation(receipt);
  if (read === null) return refuse('rotation.malformed');
  const { entry, from, to, checkpointNote } = read;
  if (from !== known.vkey || to.name !== known.name) return refuse('rotation.other_key');
  if (!openCheckpoint(checkpointNote, [known]).ok) return refuse('rotation.not_by_old_key');
  if (!openCheckpoint(checkpointNote, [to]).ok) return refuse('rotation.not_by_new_key');
  const verified = verifyReceipt(receipt, entry, [known]);
  if (!verified.ok) return refuse('rotation.not_in_tree');
  const { index, checkpoint } = verified;
  return { ok: true, rotation: { index, from: known, to, checkpoint } };
}

/** The keys of a log, as far as one leads to the next. */
export interface KeyChain {
  /** From the one that was known to the one that must have signed the latest checkpoint. */
  readonly keys: readonly [NoteVerifier, ...NoteVerifier[]];
  readonly rotations: readonly KeyRotation[];
  /** Why it leads no further than this, where a next step was there and is none. */
  readonly refusal: RotationRefusal | null;
}

/**
 * Follows the changes of key from the one that is known; those before it are passed over.
 * @param read gives the receipt of the `n`th change, from 1; undefined where there is none
 */
export async function followRotations(
  known: NoteVerifier,
  read: (n: number) => Promise<Uint8Array | undefined>,
): Promise<KeyChain> {
  const keys: [NoteVerifier, ...NoteVerifier[]] = [known];
  const rotations: KeyRotation[] = [];
  let current = known;
  for (let n = 1; n <= maxRotations; n++) {
    const bytes = await read(n);
    if (bytes === undefined) break;
    const verified = verifyRotation(decodeUtf8(bytes) ?? '', current);
    if (verified.ok) {
      current = verified.rotation.to;
      keys.push(current);
      rotations.push(verified.rotation);
    } else if (verified.reason !== 'rotation.other_key') {
      return { keys, rotations, refusal: verified.reason };
    }
  }
  return { keys, rotations, refusal: null };
}

/** What a receipt says of a change of key; nothing of it is verified. */
function readRotation(receipt: string): {
  readonly entry: Uint8Array;
  readonly from: string;
  readonly to: NoteVerifier;
  readonly checkpointNote: string;
} | null {
  const parsed = parseReceipt(receipt);
  if (parsed?.extra === undefined) return null;
  const { extra: entry, checkpointNote } = parsed;
  try {
    const details = rotationOf(decodeEntry(entry));
    if (details === null) return null;
    const to = parseVerifierKey(details.to);
    return to.type === noteKeyTypes.ed25519 ? { entry, from: details.from, to, checkpointNote } : null;
  } catch (error) {
    if (error instanceof LedgerError) return null;
    throw error;
  }
}

/** The change of key that an entry records; null for any other entry. */
export function rotationOf({ kind, details }: LedgerEntry): z.infer<typeof keyRotationDetails> | null {
  const parsed = kind === keyRotatedKind ? keyRotationDetails.safeParse(details) : null;
  return parsed?.success ? parsed.data : null;
}

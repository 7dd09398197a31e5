import { decodeBase64, encodeBase64, parseDecimal } from './base64.ts';
import { emptyRoot, equalHashes, type Hash, isHash } from './hash.ts';
import { isKeyName, type NoteSigner, type NoteVerifier, noteKeyTypes } from './note-key.ts';
import { type NoteRefusal, type NoteSignature, openNote, signNote } from './signed-note.ts';

/** A tree head: what a log says of itself at one size (C2SP tlog-checkpoint). */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Hash;
}

/** A checkpoint with the signed note that states it. */
export interface SignedCheckpoint extends Checkpoint {
  readonly note: string;
}

export type CheckpointRefusal = NoteRefusal | 'checkpoint.malformed' | 'checkpoint.not_by_log';

export type OpenedCheckpoint =
  | {
      readonly ok: true;
      readonly checkpoint: SignedCheckpoint;
      /** Witnesses among the given verifiers whose cosignatures were verified. */
      readonly cosignatures: readonly NoteSignature[];
    }
  | { readonly ok: false; readonly reason: CheckpointRefusal };

/** The note text: origin, size and root, each on a line. Griffie writes no extension lines. */
export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${encodeBase64(root)}\n`;
}

/**
 * @returns null unless the text is exactly an origin, a size and a 32-byte root; extension lines are
 * refused, because no auditor can check what they say.
 */
export function parseCheckpoint(text: string): Checkpoint | null {
  const [origin = '', sizeText = '', rootText = '', end, ...rest] = text.split('\n');
  const size = parseDecimal(sizeText);
  const root = decodeBase64(rootText);
  if (end !== '' || rest.length > 0 || !isKeyName(origin)) return null;
  if (size === null || root === null || !isHash(root)) return null;
  if (size === 0 && !equalHashes(root, emptyRoot)) return null;
  return { origin, size, root };
}

export function signCheckpoint(size: number, root: Hash, signer: NoteSigner): SignedCheckpoint {
  const checkpoint = { origin: signer.verifier.name, size, root };
  return { ...checkpoint, note: signNote(formatCheckpoint(checkpoint), signer) };
}

/**
 * Opens a signed checkpoint.
 * @param verifiers the log's own key, or several where it was replaced, and any witnesses' keys. A log's
 * key must have signed, and its name must be the origin; witnesses alone do not make a checkpoint.
 */
export function openCheckpoint(note: string, verifiers: readonly NoteVerifier[]): OpenedCheckpoint {
  const opened = openNote(note, verifiers);
  if (!opened.ok) return opened;
  const checkpoint = parseCheckpoint(opened.text);
  if (checkpoint === null) return { ok: false, reason: 'checkpoint.malformed' };
  const byLog = opened.signatures.some(
    ({ verifier }) => verifier.type === noteKeyTypes.ed25519 && verifier.name === checkpoint.origin,
  );
  if (!byLog) return { ok: false, reason: 'checkpoint.not_by_log' };
  return {
    ok: true,
    checkpoint: { ...checkpoint, note },
    cosignatures: opened.signatures.filter(({ verifier }) => verifier.type === noteKeyTypes.cosignature),
  };
}

/** Whether both state the same tree of the same log. */
export function equalCheckpoints(a: Checkpoint, b: Checkpoint): boolean {
  return a.origin === b.origin && a.size === b.size && equalHashes(a.root, b.root);
}

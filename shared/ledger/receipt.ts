import { decodeBase64, encodeBase64, parseDecimal } from './base64.ts';
import { type CheckpointRefusal, openCheckpoint, type SignedCheckpoint } from './checkpoint.ts';
import { type Hash, hashLeaf, isHash } from './hash.ts';
import { verifyInclusion } from './inclusion-proof.ts';
import type { NoteVerifier } from './note-key.ts';
import type { NoteSignature } from './signed-note.ts';

const firstLine = 'c2sp.org/tlog-proof@v1';

/** Longest path in a tree of 2^53 leaves. */
const maxProofHashes = 53;

/** A receipt (C2SP tlog-proof, file extension `.tlog-proof`): an entry's place in a signed tree. */
export interface Receipt {
  readonly index: number;
  /** Data that nobody signs (the `extra` line): here the entry's bytes, so that the receipt stands alone. */
  readonly extra?: Uint8Array;
  /** From the leaf's sibling up to the root's child. */
  readonly proof: readonly Hash[];
  /** The signed checkpoint, verbatim. */
  readonly checkpointNote: string;
}

export type ReceiptRefusal = CheckpointRefusal | 'receipt.malformed' | 'receipt.wrong_entry';

export type VerifiedReceipt =
  | {
      readonly ok: true;
      readonly index: number;
      readonly checkpoint: SignedCheckpoint;
      readonly cosignatures: readonly NoteSignature[];
    }
  | { readonly ok: false; readonly reason: ReceiptRefusal };

export function formatReceipt({ index, extra, proof, checkpointNote }: Receipt): string {
  const extraLines = extra === undefined ? [] : [`extra ${encodeBase64(extra)}`];
  return [firstLine, ...extraLines, `index ${index}`, ...proof.map(encodeBase64), '', checkpointNote].join(
    '\n',
  );
}

/** Takes a receipt apart; nothing in it is verified yet. */
export function parseReceipt(text: string): Receipt | null {
  const blank = text.indexOf('\n\n');
  if (blank < 0) return null;
  const lines = text.slice(0, blank).split('\n');
  if (lines.shift() !== firstLine) return null;
  const extraText = /^extra (.*)$/.exec(lines[0] ?? '')?.[1];
  const extra = extraText === undefined ? undefined : decodeBase64(extraText);
  if (extra === null) return null;
  if (extra !== undefined) lines.shift();
  const index = parseDecimal(/^index (.*)$/.exec(lines.shift() ?? '')?.[1] ?? '');
  if (index === null || lines.length > maxProofHashes) return null;
  const proof = lines.map(decodeBase64).filter((hash) => hash !== null && isHash(hash));
  if (proof.length !== lines.length) return null;
  return {
    index,
    ...(extra === undefined ? {} : { extra }),
    proof: proof.filter((hash) => hash !== null),
    checkpointNote: text.slice(blank + 2),
  };
}

/**
 * Whether the receipt proves that exactly these entry bytes are in a tree that the log signed.
 * @param verifiers as for `openCheckpoint`.
 */
export function verifyReceipt(
  text: string,
  entry: Uint8Array,
  verifiers: readonly NoteVerifier[],
): VerifiedReceipt {
  const receipt = parseReceipt(text);
  if (receipt === null) return { ok: false, reason: 'receipt.malformed' };
  const opened = openCheckpoint(receipt.checkpointNote, verifiers);
  if (!opened.ok) return opened;
  const { index, proof } = receipt;
  const { size, root } = opened.checkpoint;
  if (!verifyInclusion({ index, size, leafHash: hashLeaf(entry), root, proof })) {
    return { ok: false, reason: 'receipt.wrong_entry' };
  }
  return { ok: true, index, checkpoint: opened.checkpoint, cosignatures: opened.cosignatures };
}

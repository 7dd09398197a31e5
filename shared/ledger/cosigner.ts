import { cosignatureMessage } from './cosignature.ts';
import { createSigner, type NoteVerifier, noteKeyTypes } from './note-key.ts';
import { openNote, signatureLine } from './signed-note.ts';

/** Most signature lines that a witness may answer with; more are no answer. */
const maxAnswerLines = 16;

/** A witness's own key (C2SP tlog-cosignature, Ed25519). */
export interface Cosigner {
  /** Of type 04. */
  readonly verifier: NoteVerifier;
  /**
   * States that at `time` this was the largest tree of its log that the witness had seen.
   * @param checkpointText the whole note text, with its last newline
   * @param time seconds since the epoch
   * @returns a note's signature line, with its newline
   */
  cosign(checkpointText: string, time: number): string;
}

/**
 * The cosigner named `name`.
 * @param privateKeyPem PKCS #8 PEM of an Ed25519 key, used for nothing else: the message does not say who signs
 * @throws LedgerError `ledger.bad_key` where the PEM is not that, or the name is no key name.
 */
export function createCosigner(name: string, privateKeyPem: string): Cosigner {
  const { verifier, sign } = createSigner(name, privateKeyPem, noteKeyTypes.cosignature);
  return {
    verifier,
    cosign: (checkpointText, time) => {
      if (!Number.isSafeInteger(time) || time < 1) throw new RangeError('a cosignature has a time');
      const stamp = Buffer.alloc(8);
      stamp.writeBigUInt64BE(BigInt(time));
      const signature = sign(cosignatureMessage(checkpointText, time));
      return signatureLine(verifier, Buffer.concat([stamp, signature]));
    },
  };
}

/** A cosignature that was verified, and the line to put under the checkpoint. */
export interface Cosignature {
  readonly verifier: NoteVerifier;
  /** Seconds since the epoch. */
  readonly time: number;
  readonly line: string;
}

/**
 * What a witness answered to `add-checkpoint`: lines of unknown keys are left out.
 * @param checkpointText the note text that was submitted
 * @param witness the one that was asked
 * @returns null where the answer is none, or holds no valid line by this witness: the latest of several
 */
export function readCosignature(
  checkpointText: string,
  answer: string,
  witness: NoteVerifier,
): Cosignature | null {
  if (!answer.endsWith('\n')) return null;
  const lines = answer.slice(0, -1).split('\n');
  if (lines.length > maxAnswerLines) return null;
  let latest: Cosignature | null = null;
  for (const text of lines) {
    const line = `${text}\n`;
    const opened = openNote(`${checkpointText}\n${line}`, [witness]);
    if (!opened.ok && opened.reason !== 'note.unsigned') return null;
    if (!opened.ok || opened.text !== checkpointText) continue;
    const { time } = opened.signatures[0] ?? {};
    if (time !== undefined && time >= (latest?.time ?? 1)) latest = { verifier: witness, time, line };
  }
  return latest;
}

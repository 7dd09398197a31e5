import { decodeBase64, encodeBase64 } from './base64.ts';
import { cosignatureMessage, splitCosignature } from './cosignature.ts';
import { keyIdBytes, type NoteSigner, type NoteVerifier, noteKeyTypes } from './note-key.ts';

/** Bounds on a note from outside; C2SP signed-note asks for at least 16 signatures. */
const maxNoteBytes = 262_144;
const maxSignatures = 64;

const signaturePrefix = '\u2014 ';

/** A signature that was verified. */
export interface NoteSignature {
  readonly verifier: NoteVerifier;
  /** Cosignatures only: when the witness saw this checkpoint, in seconds since the epoch. */
  readonly time?: number;
}

export type NoteRefusal = 'note.malformed' | 'note.bad_signature' | 'note.unsigned';

export type OpenedNote =
  | {
      readonly ok: true;
      /** The signed text with its last newline. */
      readonly text: string;
      /** At least one. */
      readonly signatures: readonly NoteSignature[];
    }
  | { readonly ok: false; readonly reason: NoteRefusal };

/**
 * Signs a note (C2SP signed-note, type 01).
 * @param text ends in a newline, and has no control character but newlines.
 */
export function signNote(text: string, signer: NoteSigner): string {
  if (!isNoteText(text))
    throw new RangeError('a note text ends in a newline and has no other control characters');
  const line = ({ verifier, sign }: NoteSigner): string => signatureLine(verifier, sign(Buffer.from(text)));
  return `${text}\n${line(signer)}${signer.also === undefined ? '' : line(signer.also)}`;
}

/** One signature as a note carries it, with its newline. */
export function signatureLine({ name, keyId }: NoteVerifier, signature: Uint8Array): string {
  return `${signaturePrefix}${name} ${encodeBase64(Buffer.concat([keyId, signature]))}\n`;
}

/**
 * Opens a note. Signatures of unknown keys are ignored; one of a known key (by name and id) that does not
 * verify makes the whole note bad, and so does the lack of any known signature.
 */
export function openNote(note: string, verifiers: readonly NoteVerifier[]): OpenedNote {
  const parts = splitNote(note);
  if (parts === null) return { ok: false, reason: 'note.malformed' };
  const signatures: NoteSignature[] = [];
  for (const { name, keyId, signature } of parts.signatures) {
    for (const verifier of verifiers) {
      if (verifier.name !== name || Buffer.compare(verifier.keyId, keyId) !== 0) continue;
      const verified = verifySignature(verifier, parts.text, signature);
      if (verified === null) return { ok: false, reason: 'note.bad_signature' };
      signatures.push(verified);
    }
  }
  if (signatures.length === 0) return { ok: false, reason: 'note.unsigned' };
  return { ok: true, text: parts.text, signatures };
}

function verifySignature(verifier: NoteVerifier, text: string, signature: Uint8Array): NoteSignature | null {
  if (verifier.type === noteKeyTypes.ed25519) {
    return verifier.verify(Buffer.from(text), signature) ? { verifier } : null;
  }
  const timed = splitCosignature(signature);
  if (timed === null || !verifier.verify(cosignatureMessage(text, timed.time), timed.signature)) return null;
  return { verifier, time: timed.time };
}

interface NoteParts {
  readonly text: string;
  readonly signatures: readonly { name: string; keyId: Uint8Array; signature: Uint8Array }[];
}

/** Takes a note apart at its last blank line, for the text itself may have some. */
function splitNote(note: string): NoteParts | null {
  if (Buffer.byteLength(note) > maxNoteBytes || !isNoteText(note)) return null;
  const blank = note.lastIndexOf('\n\n');
  if (blank < 0) return null;
  const text = note.slice(0, blank + 1);
  const lines = note.slice(blank + 2, -1).split('\n');
  if (lines.length > maxSignatures) return null;
  const signatures = lines.map(parseSignatureLine).filter((parsed) => parsed !== null);
  return signatures.length === lines.length ? { text, signatures } : null;
}

function parseSignatureLine(line: string): NoteParts['signatures'][number] | null {
  if (!line.startsWith(signaturePrefix)) return null;
  const [name = '', blobText = '', ...rest] = line.slice(signaturePrefix.length).split(' ');
  const blob = decodeBase64(blobText);
  if (name === '' || /[\s\p{Z}+]/u.test(name) || rest.length > 0) return null;
  if (blob === null || blob.length <= keyIdBytes) return null;
  return { name, keyId: blob.subarray(0, keyIdBytes), signature: blob.subarray(keyIdBytes) };
}

function isNoteText(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the format forbids them
  return text.endsWith('\n') && !/[\u0000-\u0009\u000b-\u001f]|\p{Surrogate}/u.test(text);
}

import { readFile } from 'node:fs/promises';
import {
  type Cosignature,
  formatCheckpoint,
  type NoteVerifier,
  openCheckpoint,
  type SignedCheckpoint,
} from '#shared/ledger';
import { writeFileDurably } from '#shared/runtime';

/** A checkpoint with the cosignatures that it has got. */
export interface CosignedCheckpoint {
  readonly checkpoint: SignedCheckpoint;
  readonly cosigners: readonly NoteVerifier[];
  /** The log's note with a line for each cosigner. */
  readonly note: string;
}

export function withCosignatures(
  checkpoint: SignedCheckpoint,
  cosignatures: readonly Cosignature[],
): CosignedCheckpoint {
  return {
    checkpoint,
    cosigners: cosignatures.map(({ verifier }) => verifier),
    note: checkpoint.note + cosignatures.map(({ line }) => line).join(''),
  };
}

/**
 * What was kept before. A file that is none of ours counts as none: it is made again with the next cosignatures.
 * @param witnesses those of the policy; cosignatures of others are not counted any more
 */
export async function readCosigned(
  file: string,
  log: NoteVerifier,
  witnesses: readonly NoteVerifier[],
): Promise<CosignedCheckpoint | null> {
  const note = await readFile(file, 'utf8').catch(() => null);
  const opened = note === null ? null : openCheckpoint(note, [log, ...witnesses]);
  if (note === null || !opened?.ok) return null;
  // The head is compared by the log's own note, which is what stands before the first cosignature: one line, or
  // two where it changes its key.
  const { origin, size, root } = opened.checkpoint;
  const text = formatCheckpoint({ origin, size, root });
  const lines = note.slice(text.length + 1).split('\n');
  const logLines = lines.filter((line) => line.startsWith(`\u2014 ${origin} `)).map((line) => `${line}\n`);
  return {
    checkpoint: { origin, size, root, note: `${text}\n${logLines.join('')}` },
    cosigners: opened.cosignatures.map(({ verifier }) => verifier),
    note,
  };
}

export function keepCosigned(file: string, { note }: CosignedCheckpoint): Promise<void> {
  return writeFileDurably(file, note);
}

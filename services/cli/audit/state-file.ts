import { dirname } from 'node:path';
import {
  LedgerError,
  type NoteVerifier,
  openCheckpoint,
  parseVerifierKey,
  type SignedCheckpoint,
} from '#shared/ledger';
import { writeFileDurably } from '#shared/runtime';
import { CliError, unusable } from '../errors.ts';
import { fileError, readBounded, smallFileBytes } from '../files.ts';

/*
 * What an auditor keeps between verifications: the log's keys (the one that was trusted, and each that it led
 * to since), and every checkpoint seen, each as the signed
 * note that it came in. Two of them that do not extend each other prove by themselves that the log forked.
 *
 *   griffie-audit-state/v1
 *   <verifier key>…
 *
 *   seen <RFC 3339>
 *
 *   <origin>
 *   <size>
 *   <root>
 *
 *   — <origin> <signature>
 *
 *   seen …
 */

const firstLine = 'griffie-audit-state/v1';
/** Older ones are let go: a log that extends a later checkpoint extends those before it. */
const maxCheckpoints = 1000;

export interface SeenCheckpoint extends SignedCheckpoint {
  /** When the auditor verified it, RFC 3339 UTC. */
  readonly seenAt: string;
}

export interface AuditState {
  /** Oldest first: the first was trusted, the last signs now. */
  readonly keys: readonly NoteVerifier[];
  /** In the order in which they were seen. */
  readonly seen: readonly SeenCheckpoint[];
}

/** The state, or null where there is no such file yet: the first use. */
export async function readAuditState(path: string): Promise<AuditState | null> {
  const text = await readText(path);
  if (text === null) return null;
  const state = parseAuditState(text);
  if (state === null) {
    throw unusable('file.damaged', `${path} is no state of an audit, or was changed; restore it from backup`);
  }
  return state;
}

/**
 * Adds a checkpoint that was verified, durably and whole or not at all.
 * @param before what the file held when the verification began; null for none
 * @throws CliError where somebody else wrote the file meanwhile: their checkpoint was not compared.
 */
export async function addCheckpoint(
  path: string,
  before: AuditState | null,
  keys: readonly NoteVerifier[],
  checkpoint: SeenCheckpoint,
): Promise<void> {
  const now = await readAuditState(path);
  const textOf = (state: AuditState | null): string => (state === null ? '' : formatAuditState(state));
  if (textOf(now) !== textOf(before)) {
    throw unusable('file.changed', `${path} was written meanwhile; run the verification again`);
  }
  const latest = before?.seen.at(-1);
  const isKnown = latest?.size === checkpoint.size && Buffer.compare(latest.root, checkpoint.root) === 0;
  if (isKnown && keys.length === before?.keys.length) return;
  const seen = [...(before?.seen ?? []), ...(isKnown ? [] : [checkpoint])].slice(-maxCheckpoints);
  try {
    await writeFileDurably(path, formatAuditState({ keys, seen }));
  } catch (error) {
    throw fileError(dirname(path), error);
  }
}

export function formatAuditState({ keys, seen }: AuditState): string {
  const records = seen.map(({ seenAt, note }) => `\nseen ${seenAt}\n\n${note}`);
  return `${firstLine}\n${keys.map(({ vkey }) => `${vkey}\n`).join('')}${records.join('')}`;
}

/** @returns null unless the text is exactly what `formatAuditState` writes and every signature holds. */
export function parseAuditState(text: string): AuditState | null {
  if (!text.endsWith('\n')) return null;
  const [head = '', ...blocks] = text.slice(0, -1).split('\n\n');
  const keys = parseKeys(head);
  if (keys === null || blocks.length % 3 !== 0 || blocks.length > 3 * maxCheckpoints) return null;
  const seen: SeenCheckpoint[] = [];
  for (let i = 0; i < blocks.length; i += 3) {
    const [line = '', noteText = '', signatures = ''] = blocks.slice(i, i + 3);
    const [, seenAt] = /^seen (\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z)$/.exec(line) ?? [];
    const opened = openCheckpoint(`${noteText}\n\n${signatures}\n`, keys);
    if (seenAt === undefined || !opened.ok) return null;
    seen.push({ ...opened.checkpoint, seenAt });
  }
  const state = { keys, seen };
  return formatAuditState(state) === text ? state : null;
}

function parseKeys(head: string): NoteVerifier[] | null {
  const [first, ...vkeys] = head.split('\n');
  if (first !== firstLine || vkeys.length === 0) return null;
  try {
    return vkeys.map(parseVerifierKey);
  } catch (error) {
    if (error instanceof LedgerError) return null;
    throw error;
  }
}

async function readText(path: string): Promise<string | null> {
  try {
    return (await readBounded(path, smallFileBytes)).toString('utf8');
  } catch (error) {
    if (error instanceof CliError && error.code === 'file.missing') return null;
    throw error;
  }
}

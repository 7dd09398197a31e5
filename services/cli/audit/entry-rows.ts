import { outcomeOf } from '#shared/control';
import type { LedgerEntry } from '#shared/ledger';
import type { FoundEntry } from './entry-source.ts';

/** Titles of an entry's columns for people. */
export const rowTitles: readonly string[] = ['INDEX', 'TIME', 'KIND', 'OUTCOME', 'BY', 'ABOUT', 'WHAT'];

export function rowOf({ index, entry }: FoundEntry): string[] {
  return [
    String(index),
    entry.at,
    entry.kind,
    outcomeOf(entry.kind),
    'service' in entry.actor
      ? entry.actor.service
      : `${entry.actor.role} ${entry.actor.credential.slice(0, 8)}…`,
    entry.subject ?? '',
    summaryOf(entry),
  ];
}

/** The few details that tell one entry of a kind from another: codes, counts and ids. */
function summaryOf({ details }: LedgerEntry): string {
  const names = [
    'route',
    'code',
    'codes',
    'reason',
    'orderId',
    'role',
    'personId',
    'records',
    'completeness',
  ];
  return names
    .filter((name) => details[name] !== undefined)
    .map((name) => String(details[name]))
    .join(' ');
}

const csvTitles: readonly string[] = [
  'index',
  'at',
  'kind',
  'outcome',
  'actor',
  'role',
  'subject',
  'details',
  'commitments',
  'evidence',
  'id',
];

/** First line of the CSV (RFC 4180). */
export const csvHead = `${csvTitles.join(',')}\r\n`;

export function csvLine({ index, entry }: FoundEntry): string {
  const { actor } = entry;
  const cells = [
    String(index),
    entry.at,
    entry.kind,
    outcomeOf(entry.kind),
    'service' in actor ? actor.service : actor.credential,
    'service' in actor ? '' : actor.role,
    entry.subject ?? '',
    JSON.stringify(entry.details),
    entry.commitments === undefined ? '' : JSON.stringify(entry.commitments),
    entry.evidence ?? '',
    entry.id,
  ];
  return `${cells.map(csvCell).join(',')}\r\n`;
}

/**
 * A cell that no spreadsheet takes for a formula: one that begins like it gets an apostrophe before it
 * (OWASP, CSV injection). Thumbprints may begin with a hyphen, so that this is not for attacks alone.
 */
export function csvCell(text: string): string {
  const safe = /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function ndjsonLine({ index, entry }: FoundEntry): string {
  return `${JSON.stringify({ index, entry })}\n`;
}

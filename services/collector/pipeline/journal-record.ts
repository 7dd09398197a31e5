import { createHash } from 'node:crypto';
import { normalizeHostName } from '#shared/traffic';
import type { LogRecord, NotUnderstoodReason } from '../adapter.ts';

/** A journal entry as a log record, and its place in the journal. */
export interface JournalRecord {
  readonly record: LogRecord;
  /** Stable name of the entry, from its cursor; absent where there is none. */
  readonly position?: string;
}

/**
 * Reads one line of `journalctl --output=json` (systemd.journal-fields(7), "Journal JSON Format"). Numbers are
 * strings, a field that occurs twice is an array, and one that is no UTF-8 is an array of bytes.
 * @param host of entries that name none.
 */
export function parseJournalLine(line: string, host: string): JournalRecord | NotUnderstoodReason {
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch {
    return 'json.malformed';
  }
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return 'json.not_an_object';
  const fields = entry as Record<string, unknown>;
  const microseconds = Number(textOf(fields.__REALTIME_TIMESTAMP) ?? Number.NaN);
  const timeMs = Math.floor(microseconds / 1000);
  if (!(timeMs > 0 && timeMs < 8.64e15)) return 'header.bad_time';
  const program = textOf(fields.SYSLOG_IDENTIFIER) ?? textOf(fields._COMM);
  const message = textOf(fields.MESSAGE);
  if (program === undefined || message === undefined) return 'header.unknown';
  const pid = textOf(fields.SYSLOG_PID) ?? textOf(fields._PID);
  const position = positionOf(textOf(fields.__CURSOR));
  const record: LogRecord = {
    timeMs,
    host: normalizeHostName(textOf(fields._HOSTNAME) ?? '') ?? host,
    program,
    ...(pid === undefined ? {} : { pid }),
    // Syslog would have made several lines of it; adapters' patterns expect one.
    message: message.replaceAll('\n', ' '),
  };
  return position === undefined ? { record } : { record, position };
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return undefined;
  const isByte = (item: unknown) =>
    typeof item === 'number' && Number.isInteger(item) && item >= 0 && item < 256;
  if (value.length > 0 && value.every(isByte)) return Buffer.from(value).toString('utf8');
  const first: unknown = value[0];
  return Array.isArray(first) || typeof first === 'string' ? textOf(first) : undefined;
}

/** Sequence number and its id name an entry; the rest of the cursor (boot, times, hash) is for seeking. */
function positionOf(cursor: string | undefined): string | undefined {
  if (cursor === undefined || cursor === '') return undefined;
  const match = /^s=([0-9a-f]{32});i=([0-9a-f]{1,16});/.exec(cursor);
  if (match !== null) return `s=${match[1]};i=${match[2]}`;
  return `cursor:${createHash('sha256').update(cursor).digest('hex').slice(0, 32)}`;
}

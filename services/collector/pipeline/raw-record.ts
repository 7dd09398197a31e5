import { createHash } from 'node:crypto';
import { z } from 'zod';
import { normalizeHostName, normalizeIp } from '#shared/traffic';
import type { LogRecord, NotUnderstoodReason } from '../adapter.ts';
import { sourceLimits } from '../sources/index.ts';
import type { ParsedLine } from './record-parser.ts';

/*
 * One line as a syslog daemon hands it on, in JSON (infra/rsyslog). Equal lines are told apart by what the daemon
 * says of where each came from: the place in its file, or the microsecond of its arrival. What names the
 * line is the same whenever it is sent; its digest is the line's identity.
 */

/** RFC 3339 with a zone. */
const time = z.iso.datetime({ offset: true });
const text = z.string().max(sourceLimits.lineBytes);
const common = { v: z.literal('1'), host: z.string().min(1).max(255), time };

/**
 * A line of a log file, whole. `time` is the line's own, to which the daemon has put year and zone, and no part
 * of the identity: a daemon that reads an old file again may put others.
 */
const fileLine = z.strictObject({
  ...common,
  file: z.string().min(1).max(4096),
  /** Of the line's first byte. */
  offset: z.string().regex(/^\d{1,19}$/),
  line: text,
});

/** A message that came over a socket or from a journal, taken apart. */
const message = z.strictObject({
  ...common,
  /** When the daemon had it, to the microsecond at least. */
  received: time.regex(/\.\d{6,9}(?:Z|[+-]\d\d:\d\d)$/),
  /** Program and process id, as before the message in a syslog file: `postfix/smtpd[123]:`. */
  tag: z.string().min(2).max(512),
  message: text,
});

const schema = z.union([fileLine, message]);

/** A line cannot have been written later than it arrived, but for clocks that differ. */
const yearToleranceMs = 86_400_000;

/**
 * Reads the value of one record of the raw topic.
 * @param writtenMs when it came into the topic; a year that the daemon has guessed wrong shows by it.
 * @param parseLine takes the header off a line of a file.
 */
export function parseRawRecord(
  value: string,
  writtenMs: number | undefined,
  parseLine: (line: string) => ParsedLine | NotUnderstoodReason,
): ParsedLine | NotUnderstoodReason {
  const given = read(value);
  if (typeof given === 'string') return given;
  const host = normalizeHostName(given.host) ?? normalizeIp(given.host);
  if (host === null) return 'raw.host';
  const timeMs = Date.parse(given.time);
  if (!(timeMs >= 0)) return 'header.bad_time';
  if ('tag' in given) {
    const [, program, pid] = /^([^[\]\s:]{1,200})(?:\[([^[\]\s]{1,32})\])?:?$/.exec(given.tag) ?? [];
    if (program === undefined) return 'raw.tag';
    // The blank between tag and message belongs to neither.
    const own = given.message.startsWith(' ') ? given.message.slice(1) : given.message;
    const record: LogRecord = { timeMs, host, program, ...(pid === undefined ? {} : { pid }), message: own };
    return { record, identity: digest(host, given.received, given.time, given.tag, given.message) };
  }
  const parsed = parseLine(given.line);
  if (typeof parsed === 'string') return parsed;
  const identity = digest(host, given.file, given.offset, given.line);
  const { timeNote } = parsed.record;
  // A line with a zone says when it was.
  if (timeNote === undefined) return { record: { ...parsed.record, host }, identity };
  const completed = inThePast(timeMs, writtenMs);
  return { record: { ...parsed.record, host, timeMs: completed, timeNote: 'year' }, identity };
}

function read(value: string): z.infer<typeof schema> | NotUnderstoodReason {
  let json: unknown;
  try {
    json = JSON.parse(value);
  } catch {
    return 'json.malformed';
  }
  const result = schema.safeParse(json);
  return result.success ? result.data : 'raw.schema';
}

/** The daemon puts its own year to a line: wrong for December's lines that are read in January. */
function inThePast(timeMs: number, writtenMs: number | undefined): number {
  if (writtenMs === undefined || timeMs <= writtenMs + yearToleranceMs) return timeMs;
  const date = new Date(timeMs);
  return date.setUTCFullYear(date.getUTCFullYear() - 1);
}

function digest(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}

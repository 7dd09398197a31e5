import { normalizeHostName, normalizeIp } from '#shared/traffic';
import type { LogRecord, NotUnderstoodReason } from '../adapter.ts';
import { dayStartMs, isDay, msPerMinute } from './calendar.ts';
import { createLocalClock } from './local-clock.ts';
import { flatten } from './text.ts';

/**
 * `syslog`: RFC 3164 (also Postfix's `maillog_file`) or RFC 3339 times, told apart line by line; a
 * `<PRI>` prefix and a missing host are accepted. `dovecot`: Dovecot's own log file, which has a time and
 * no host and no program.
 */
export type HeaderFormat = 'syslog' | 'dovecot';

export interface HeaderParserOptions {
  readonly format: HeaderFormat;
  /** IANA zone of RFC 3164 times. */
  readonly timeZone: string;
  /** Host of lines that name none, in normal form. */
  readonly host: string;
  /** Upper bound of the first line's time, for the year: when the file was written, or now. */
  readonly referenceMs: number;
  /** What `state()` gave with the checkpoint that reading resumes from. */
  readonly state?: string;
}

export interface HeaderParser {
  /** Takes the header off a line (without its line end). Never throws. */
  parse(line: string): LogRecord | NotUnderstoodReason;
  /**
   * What the next line's time depends on, as JSON text; part of the checkpoint, so that a restart reads
   * the same times. Absent before the first line.
   */
  state(): string | undefined;
}

type Time = Pick<LogRecord, 'timeMs' | 'timeNote'>;

const space = 0x20;
const months = new Map(
  ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'].map((name, index) => [
    monthKey(name, 0),
    index + 1,
  ]),
);

function monthKey(text: string, at: number): number {
  return (text.charCodeAt(at) << 16) | (text.charCodeAt(at + 1) << 8) | text.charCodeAt(at + 2);
}

/** The two digits at `at`, or NaN. */
function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 0x30;
  const ones = text.charCodeAt(at + 1) - 0x30;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}

/** Whether hour, minute and second are in range; a leap second is. NaN is not. */
function isTimeOfDay(hour: number, minute: number, second: number): boolean {
  return hour <= 23 && minute <= 59 && second <= 60;
}

/**
 * Reads log lines' headers: time, host, program, process id. Hand-written, because every line of every
 * source passes here.
 * @throws RangeError where the zone is unknown; SyntaxError where the state is not its own.
 */
export function createHeaderParser(options: HeaderParserOptions): HeaderParser {
  const clock = createLocalClock(options.timeZone, options.referenceMs);
  let previousMs: number | undefined = options.state === undefined ? undefined : readState(options.state);
  let rawHost = '';
  let normalHost = options.host;
  /** Where the part after the time stamp begins; set by the two functions below. */
  let rest = 0;

  function rfc3164(line: string, start: number): Time | NotUnderstoodReason {
    const month = months.get(monthKey(line, start));
    if (month === undefined || line.charCodeAt(start + 3) !== space) return 'header.unknown';
    let at = start + 4;
    if (line.charCodeAt(at) === space) at++;
    let day = line.charCodeAt(at) - 0x30;
    const second = line.charCodeAt(at + 1) - 0x30;
    if (second >= 0 && second <= 9) {
      day = day * 10 + second;
      at++;
    }
    at++;
    if (!(day >= 0 && day <= 99) || line.charCodeAt(at) !== space) return 'header.unknown';
    const hour = twoDigits(line, at + 1);
    const minute = twoDigits(line, at + 4);
    const seconds = twoDigits(line, at + 7);
    rest = at + 9;
    if (line.charCodeAt(at + 3) !== 0x3a || line.charCodeAt(at + 6) !== 0x3a) return 'header.unknown';
    if (!isTimeOfDay(hour, minute, seconds)) return 'header.bad_time';
    const resolved = clock.resolve({ month, day, hour, minute }, seconds, previousMs);
    if (resolved === null) return 'header.bad_time';
    return { timeMs: resolved.timeMs, timeNote: resolved.note };
  }

  let dayText = '';
  let dayMs = 0;
  function rfc3339(line: string, start: number): Time | NotUnderstoodReason {
    if (line.charCodeAt(start + 4) !== 0x2d || line.charCodeAt(start + 10) !== 0x54) return 'header.unknown';
    if (dayText === '' || !line.startsWith(dayText, start)) {
      const year = twoDigits(line, start) * 100 + twoDigits(line, start + 2);
      const month = twoDigits(line, start + 5);
      const day = twoDigits(line, start + 8);
      if (line.charCodeAt(start + 7) !== 0x2d) return 'header.unknown';
      if (!(year >= 1970) || !isDay(year, month, day)) return 'header.bad_time';
      dayText = line.slice(start, start + 10);
      dayMs = dayStartMs(year, month, day);
    }
    const hour = twoDigits(line, start + 11);
    const minute = twoDigits(line, start + 14);
    const second = twoDigits(line, start + 17);
    if (line.charCodeAt(start + 13) !== 0x3a || line.charCodeAt(start + 16) !== 0x3a) return 'header.unknown';
    if (!isTimeOfDay(hour, minute, second)) return 'header.bad_time';
    let at = start + 19;
    let milliseconds = 0;
    if (line.charCodeAt(at) === 0x2e) {
      let scale = 100;
      for (at++; line.charCodeAt(at) >= 0x30 && line.charCodeAt(at) <= 0x39; at++) {
        milliseconds += Math.floor((line.charCodeAt(at) - 0x30) * scale);
        scale /= 10;
        if (scale < 1) scale = 0;
      }
    }
    let offset = 0;
    const sign = line.charCodeAt(at);
    if (sign === 0x2b || sign === 0x2d) {
      const hours = twoDigits(line, at + 1);
      const minutes = twoDigits(line, at + 4);
      if (line.charCodeAt(at + 3) !== 0x3a || !isTimeOfDay(hours, minutes, 0)) return 'header.bad_time';
      offset = (hours * 60 + minutes) * (sign === 0x2b ? 1 : -1);
      rest = at + 6;
    } else if (sign === 0x5a) {
      rest = at + 1;
    } else {
      return 'header.bad_time';
    }
    return { timeMs: dayMs + (hour * 60 + minute - offset) * msPerMinute + second * 1000 + milliseconds };
  }

  function hostOf(line: string, from: number, to: number): string {
    if (to - from === rawHost.length && line.startsWith(rawHost, from)) return normalHost;
    rawHost = flatten(line.slice(from, to));
    normalHost = normalizeHostName(rawHost) ?? normalizeIp(rawHost) ?? options.host;
    return normalHost;
  }

  function parse(line: string): LogRecord | NotUnderstoodReason {
    const start = line.charCodeAt(0) === 0x3c ? priorityEnd(line) : 0;
    const lead = line.charCodeAt(start);
    const time = lead >= 0x30 && lead <= 0x39 ? rfc3339(line, start) : rfc3164(line, start);
    if (typeof time === 'string') return time;
    if (line.charCodeAt(rest) !== space) return 'header.unknown';
    const record =
      options.format === 'dovecot'
        ? { ...time, host: options.host, program: 'dovecot', message: line.slice(rest + 1) }
        : tagged(line, rest + 1, time);
    if (typeof record !== 'string') previousMs = record.timeMs;
    return record;
  }

  /** `[host ]program[pid]: message`. A first word that ends in a colon is the tag of a line without host. */
  function tagged(line: string, start: number, time: Time): LogRecord | NotUnderstoodReason {
    let end = line.indexOf(' ', start);
    if (end === -1) end = line.length;
    let host = options.host;
    let tag = start;
    if (line.charCodeAt(end - 1) !== 0x3a) {
      if (end === start) return 'header.unknown';
      host = hostOf(line, start, end);
      tag = end + 1;
      end = line.indexOf(' ', tag);
      if (end === -1) end = line.length;
    }
    if (end - tag < 2 || line.charCodeAt(end - 1) !== 0x3a) return 'header.unknown';
    const message = line.slice(end + 1);
    const { timeMs, timeNote } = time;
    const note = timeNote === undefined ? undefined : { timeNote };
    if (line.charCodeAt(end - 2) === 0x5d) {
      const bracket = line.indexOf('[', tag);
      if (bracket > tag && bracket < end - 3) {
        const program = line.slice(tag, bracket);
        return { timeMs, ...note, host, program, pid: line.slice(bracket + 1, end - 2), message };
      }
    }
    return { timeMs, ...note, host, program: line.slice(tag, end - 1), message };
  }

  return {
    parse,
    state: () => (previousMs === undefined ? undefined : JSON.stringify({ lastMs: previousMs })),
  };
}

/** Where the text after `<PRI>` begins; 0 where there is none. */
function priorityEnd(line: string): number {
  const end = line.indexOf('>');
  return end >= 2 && end <= 4 ? end + 1 : 0;
}

function readState(text: string): number {
  const value: unknown = JSON.parse(text);
  if (
    typeof value === 'object' &&
    value !== null &&
    'lastMs' in value &&
    Number.isSafeInteger(value.lastMs)
  ) {
    return Number(value.lastMs);
  }
  throw new SyntaxError('the checkpoint holds no state of a header parser');
}

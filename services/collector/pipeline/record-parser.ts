import type { LogRecord, NotUnderstoodReason } from '../adapter.ts';
import type { LineFormat, SoftwareChoice } from '../config.ts';
import { parseDovecotEventHeader } from '../dovecot/index.ts';
import { createHeaderParser, type HeaderFormat, type HeaderParser } from '../syslog/index.ts';
import { parseJournalLine } from './journal-record.ts';
import { parseRawRecord } from './raw-record.ts';

export interface ParsedLine {
  readonly record: LogRecord;
  /** Replaces the line's own where the line carries one. */
  readonly position?: string;
  /**
   * What the ids of the line's events come from, where that is not its position: the same each time that the
   * line is sent, wherever it then stands. Hexadecimal, 32 digits.
   */
  readonly identity?: string;
}

/** Turns lines of one source into records. */
export interface RecordParser {
  /**
   * Never throws.
   * @param writtenMs when the line was written where it was read, where that is known.
   */
  parse(line: string, writtenMs?: number): ParsedLine | NotUnderstoodReason;
  /** What the next lines' times depend on, as JSON text; part of the checkpoint. */
  state(): string | undefined;
}

export interface RecordParserOptions {
  /** `raw-json`: records of the raw topic, which name host and time themselves. */
  readonly format: LineFormat | 'raw-json';
  readonly software: SoftwareChoice;
  readonly timeZone: string;
  /** Host of lines that name none, and of those that name it by its first label alone, as syslog does. */
  readonly host: string;
  /** A time that the first line cannot lie after, asked for once it is needed. */
  readonly referenceMs: () => number;
  /** What `state()` gave at the checkpoint. */
  readonly state: string | undefined;
}

const headerFormats = ['syslog', 'dovecot'] as const satisfies readonly HeaderFormat[];

/** @throws SyntaxError where the state is not its own. */
export function createRecordParser(options: RecordParserOptions): RecordParser {
  const { format, software, host, timeZone } = options;
  const states = readStates(options.state);
  const parsers = new Map<HeaderFormat, HeaderParser>();

  const header = (which: HeaderFormat): HeaderParser => {
    const existing = parsers.get(which);
    if (existing !== undefined) return existing;
    const state = states[which];
    const parser = createHeaderParser({
      format: which,
      timeZone,
      host,
      referenceMs: options.referenceMs(),
      ...(state === undefined ? {} : { state }),
    });
    parsers.set(which, parser);
    return parser;
  };
  const plain = (result: LogRecord | NotUnderstoodReason) =>
    typeof result === 'string' ? result : { record: result };

  const text = (line: string) => {
    const mixed = format === 'auto' || format === 'raw-json';
    const own = format === 'dovecot' || (mixed && software !== 'postfix' && isDovecotOwn(line));
    return plain(header(own ? 'dovecot' : 'syslog').parse(line));
  };
  const json = (line: string) => {
    if (format === 'journal-json') return parseJournalLine(line, host);
    if (format === 'dovecot-events' || !line.includes('"__REALTIME_TIMESTAMP"')) {
      return plain(parseDovecotEventHeader(line, host));
    }
    return parseJournalLine(line, host);
  };

  return {
    parse(line, writtenMs) {
      if (format === 'raw-json') {
        return parseRawRecord(line, writtenMs, (own) => (own.startsWith('{') ? json(own) : text(own)));
      }
      const isJson =
        format === 'auto' ? line.startsWith('{') : format === 'journal-json' || format === 'dovecot-events';
      const parsed = isJson ? json(line) : text(line);
      if (typeof parsed === 'string' || !host.startsWith(`${parsed.record.host}.`)) return parsed;
      return { ...parsed, record: { ...parsed.record, host } };
    },
    state() {
      const now = { ...states };
      for (const [which, parser] of parsers) {
        const state = parser.state();
        if (state !== undefined) now[which] = state;
      }
      return Object.keys(now).length === 0 ? undefined : JSON.stringify(now);
    },
  };
}

const firstWordAt = 'Nov 22 17:16:53 '.length;
const severity = /: (?:Debug|Info|Warning|Error|Fatal|Panic): /;

/**
 * Whether the line is of a log file that Dovecot writes itself: no host, the first word after the time is a
 * service (`imap-login:`, `imap(user)<pid><session>:`), and a severity follows.
 */
function isDovecotOwn(line: string): boolean {
  let end = line.indexOf(' ', firstWordAt);
  if (end === -1) end = line.length;
  const word = line.slice(firstWordAt, end);
  return (word.endsWith(':') || word.includes('(')) && !word.includes('[') && severity.test(line);
}

function readStates(text: string | undefined): Partial<Record<HeaderFormat, string>> {
  if (text === undefined) return {};
  const value: unknown = JSON.parse(text);
  const states: Partial<Record<HeaderFormat, string>> = {};
  if (typeof value !== 'object' || value === null) throw new SyntaxError('no state of a record parser');
  for (const which of headerFormats) {
    const state: unknown = (value as Record<string, unknown>)[which];
    if (typeof state === 'string') states[which] = state;
  }
  return states;
}

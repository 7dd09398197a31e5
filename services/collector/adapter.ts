import type { EventDraft } from '#shared/traffic';

/*
 * The contract between the pipeline, which reads sources and keeps checkpoints, and the mail servers'
 * adapters, which understand lines.
 *
 * An adapter is a deterministic machine: the same lines in the same order give the same events, whatever
 * the wall clock says and however often the process was restarted in between. Its time-outs run on the
 * time in the lines. That is what makes event ids stable and "none is seen twice" true.
 */

/** One log record with its transport header taken off. */
export interface LogRecord {
  /** Milliseconds since the epoch, by the line's own time stamp. */
  readonly timeMs: number;
  /** See `occurredAtNote` of the traffic event. */
  readonly timeNote?: 'year' | 'ambiguous';
  /** Host name in the header, in normal form; the source's configured host where there is none. */
  readonly host: string;
  /** Program tag without the process id: `postfix/smtpd`, `postfix-in/submission/smtpd`, `dovecot`. */
  readonly program: string;
  /** Process id where the header has one. */
  readonly pid?: string;
  /** What follows the header. Untrusted, and may hold content: never logged, never stored whole. */
  readonly message: string;
}

/** Why a line gave nothing. Stable names: they are counted, shown and documented. */
export type NotUnderstoodReason =
  | 'line.not_utf8'
  | 'line.too_long'
  | 'line.truncated'
  | 'header.unknown'
  | 'header.bad_time'
  | 'json.malformed'
  | 'json.not_an_object'
  | `raw.${string}`
  | `postfix.${string}`
  | `dovecot.${string}`;

export type LineResult =
  /** The line was understood; it may have changed state and given no event yet. */
  | { readonly kind: 'understood'; readonly events: readonly EventDraft[] }
  /** A line that is known to say nothing about traffic (start-up, statistics, another program's). */
  | { readonly kind: 'ignored' }
  /** A line that should have been understood and was not: counted by reason, listed by position. */
  | { readonly kind: 'notUnderstood'; readonly reason: NotUnderstoodReason };

/** Changes of correlation state since they were last taken; `null` deletes the key. Values are JSON texts. */
export type StateChanges = ReadonlyMap<string, string | null>;

export interface Correlator {
  /** Feeds one record. Never throws on any input: what it cannot use, it names. */
  process(record: LogRecord): LineResult;
  /** State that changed since the last call, for the checkpoint that also holds the source position. */
  takeChanges(): StateChanges;
  /** Number of messages or sessions that are open. */
  readonly openCount: number;
}

export interface CorrelatorOptions {
  /** Software's own bounds may be tightened in tests; see each adapter. */
  readonly maxOpen?: number;
}

/** One mail server's adapter: recognises its records by the program tag, and makes correlators. */
export interface MailServerAdapter {
  readonly software: 'postfix' | 'dovecot';
  /** Whether a record with this program tag is this server's. */
  claims(program: string): boolean;
  /** @param state what `takeChanges` gave, folded over all checkpoints; empty for a new source. */
  createCorrelator(
    state: Iterable<readonly [key: string, value: string]>,
    options?: CorrelatorOptions,
  ): Correlator;
}

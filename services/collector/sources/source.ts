/*
 * What the pipeline reads from: a source gives lines with their positions, and says how to go on after
 * them. It keeps nothing durable itself.
 */

/** One line without its newline, or why its text cannot be given. */
export interface SourceLine {
  /** Stable name of the line within its source; the same whenever it is read again. */
  readonly position: string;
  /** Empty where `problem` is `line.too_long`. */
  readonly text: string;
  /** `line.not_utf8`: the text has U+FFFD where bytes were no UTF-8. */
  readonly problem?: 'line.too_long' | 'line.not_utf8';
  /**
   * Digest by which the line is recognised where it is delivered again, soon, and left out then. Hexadecimal,
   * 32 digits; absent where equal lines can tell of two events.
   */
  readonly identity?: string;
  /** When it was written there, milliseconds since the epoch; absent where that is not known of each line. */
  readonly writtenMs?: number;
}

/** Lines that may exist and were not read: detected, reported, never silent. */
export interface Gap {
  /**
   * `truncated`: the file was cut and no copy of what it held was found, or a partition ends before what was
   * read of it. `lost`: the file that was being
   * read is gone from its folder (deleted, moved elsewhere, or compressed by other than gzip), or records
   * expired in Kafka before they were read.
   */
  readonly kind: 'truncated' | 'lost';
  /** First position that was not read. */
  readonly position: string;
}

export interface SourceBatch {
  readonly lines: readonly SourceLine[];
  readonly gaps: readonly Gap[];
  /** JSON: where to go on after these lines. The same object while nothing changed. */
  readonly resume: unknown;
  /** No more lines will come (a stream's end). */
  readonly ended: boolean;
  /** Lines wait that `read` gives at once, and may be asked for before this batch was committed. */
  readonly more?: boolean;
}

export interface SourceProgress {
  /** `waiting`: there is nothing to read from yet. */
  readonly state: 'following' | 'waiting';
  /** Bytes that are there and were not delivered; absent where that cannot be known (streams). */
  readonly lagBytes?: number;
  /** The same in lines, for sources that count those. */
  readonly lagLines?: number;
  /** Deliveries since the process began, for sources that are delivered to. */
  readonly requests?: RequestCounts;
}

export interface RequestCounts {
  readonly accepted: number;
  /** By reason. */
  readonly refused: Readonly<Record<string, number>>;
}

/** Throws `SourceError` or an error of the operating system with its `code`; the pipeline opens it again. */
export interface LineSource {
  /**
   * @param resume of the last batch that was committed; undefined on the first start.
   * @returns where reading begins, to be committed before anything is read.
   */
  open(resume: unknown): Promise<unknown>;
  /**
   * At most `maxLines` lines; waits a short while (about a quarter second) where there are none, and may then
   * give none. Ends early, with what it has, when the signal is raised. Called again only once the last
   * batch was committed, unless it had `more`.
   */
  read(maxLines: number, signal: AbortSignal): Promise<SourceBatch>;
  progress(): SourceProgress;
  /** When what is being read was last written, milliseconds since the epoch; undefined where it is not known. */
  writtenMs(): number | undefined;
  close(): Promise<void>;
}

export type SourceErrorCode =
  | 'SOURCE_RESUME_UNKNOWN'
  | 'SOURCE_COMMAND_FAILED'
  | 'SOURCE_NOT_A_FILE'
  | 'SOURCE_FOLDER_BUSY'
  | 'SOURCE_PARTITION_MISSING'
  | 'SOURCE_LISTEN_FAILED'
  | 'SOURCE_SECRET_UNUSABLE'
  | 'SOURCE_SPOOL_DAMAGED';

export class SourceError extends Error {
  override readonly name = 'SourceError';
  readonly code: SourceErrorCode;

  constructor(code: SourceErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Bounds of reading. */
export const sourceLimits = {
  /** Postfix cuts its records at 2,000 characters, rsyslog at 8 KiB; Dovecot's JSON events stay below. */
  lineBytes: 16 * 1024,
  chunkBytes: 256 * 1024,
  pollMs: 250,
  /** A file that was renamed away is left once its successor has bytes and it did not grow for this long. */
  settleMs: 2_000,
} as const;

/** Waits, or returns at once when the signal is raised. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done);
  });
}

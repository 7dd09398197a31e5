import type { EventType, ReleasedRecord, StoredLines } from '#shared/traffic';
import type { ReleaseScope } from './release-gate.ts';

/*
 * What goes between the thread and who has it work. One thing is written at a time, all records or one file,
 * and its pieces come in order, with their memory. The thread may ask a question on the way, and waits.
 */

/** Of the thread, as it is started. */
export interface ThreadSettings {
  /** Mode of files that it makes. */
  readonly fileMode: number;
}

export interface RecordsToWrite {
  /** Folder of the package, and in it that of its parts; both are there. */
  readonly folder: string;
  readonly scope: ReleaseScope;
  /** Plaintext of one part, at most. */
  readonly partBytes: number;
}

/** Records that were written, and their bytes before encryption. */
export interface Written {
  readonly records: number;
  readonly bytes: number;
}

export interface WrittenFile {
  readonly bytes: number;
  readonly sha256: string;
  readonly encryptedBytes: number;
  readonly encryptedSha256: string;
}

/** A part of records: whole lines, in order. */
export interface WrittenPart extends WrittenFile {
  readonly records: number;
}

/** Records by source and day of collection (`2026-01-01`, UTC). */
export type OriginCounts = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** What a report needs of the records. */
export interface RecordDigest {
  readonly first: readonly ReleasedRecord[];
  readonly countsByType: ReadonlyMap<EventType, number>;
}

export interface WrittenRecords {
  readonly parts: readonly WrittenPart[];
  readonly digest: RecordDigest;
  readonly origins: OriginCounts;
}

/** Of an age file: what stands before the payload's nonce, and the key that it wraps. */
export interface AgeHeader {
  readonly header: Uint8Array;
  readonly fileKey: Uint8Array;
}

/** What the thread can ask, and what it is answered. */
export interface Answers {
  /** A header of a new file. */
  readonly header: AgeHeader;
  /** Which of these events an earlier slice had. */
  readonly earlier: ReadonlySet<string>;
}
export type Question =
  | { readonly kind: 'header' }
  | { readonly kind: 'earlier'; readonly time: string; readonly ids: readonly string[] };

export type ToThread =
  | { readonly kind: 'records'; readonly records: RecordsToWrite }
  | { readonly kind: 'lines'; readonly lines: StoredLines }
  /** A file that does not exist yet. */
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  /** Of the records, or of the file. */
  | { readonly kind: 'end' }
  | { readonly kind: 'sync' }
  | { readonly kind: 'answer'; readonly answer: Answers[keyof Answers] };

export type FromThread =
  | { readonly kind: 'question'; readonly question: Question }
  /** A piece is dealt with. */
  | { readonly kind: 'taken'; readonly written: Written }
  /** All bytes are with the system, and not yet durable. */
  | { readonly kind: 'records'; readonly records: WrittenRecords }
  | { readonly kind: 'file'; readonly file: WrittenFile }
  /** Every file is durable. */
  | { readonly kind: 'synced' }
  /** The first fault is the last message. `code` is ours, or the system's, where it gave one. */
  | { readonly kind: 'failed'; readonly message: string; readonly code: string | undefined };

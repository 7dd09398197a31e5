import type { DiskKeyDraft, RecordedDiskKey, RetentionDraft, RetentionState } from '#shared/control';

/** What the ledger says of expiry, and of the time. */
export interface RetentionView extends RetentionState {
  /** Keys of the encrypted disk that are not destroyed, the oldest first. */
  readonly diskKeys: RecordedDiskKey[];
  /** Clock reading of the service that has the ledger, RFC 3339 UTC with milliseconds. */
  readonly now: string;
  /** Time of the ledger's latest entry. */
  readonly latestAt: string;
  /** Latest time that the ledger bears out (`believedTime` of shared/control). */
  readonly believedAt: string;
  /** Entries of the ledger. */
  readonly size: number;
  /** Entries up to and with the last that a person signed for. */
  readonly signedSize: number;
}

/**
 * The ledger, as the retention service writes to it: in the same process, or over the API with a signed
 * credential. There is one writer of the ledger, and it is on the other side of this.
 */
export interface RetentionRecord {
  view(): Promise<RetentionView>;
  /**
   * Durable once resolved.
   * @throws an error with the `code` of the refusal where the rules of shared/control do not allow it
   */
  append(draft: RetentionDraft | DiskKeyDraft): Promise<void>;
}

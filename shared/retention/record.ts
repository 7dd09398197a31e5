import { z } from 'zod';
import {
  type DiskKeyDraft,
  type HoldDraft,
  holdEndReasons,
  type RecordedDiskKey,
  type RetentionDraft,
  type RetentionState,
} from '#shared/control';
import type { Scope } from '#shared/orders';
import { utcTimestamp } from '#shared/traffic';

/** What the ledger says of expiry, and of the time. */
export interface RetentionView extends RetentionState {
  /** Keys of the encrypted disk that are not destroyed, the oldest first. */
  readonly diskKeys: RecordedDiskKey[];
  /** Holds that are not removed, with those that are due and not in the ledger yet. */
  readonly holds: number;
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

const count = z.int().min(0);
/** A hold that is not removed. Times are RFC 3339 UTC. */
export const holdTaskSchema = z.object({
  orderId: z.uuidv7(),
  /** Of its order, in force. */
  version: z.int(),
  /** What had expired by then is not held. */
  since: utcTimestamp,
  /** Last instant at which it may be read, as things stand. */
  until: utcTimestamp,
  /** Whether the ledger has it that all was copied. */
  copied: z.boolean(),
  /** Why it is over; null while it is in force. */
  over: z.enum(holdEndReasons).nullable(),
  /** Whether a package is being made that may read it: it is not removed meanwhile. */
  inUse: z.boolean(),
  /** What there was of it, where its removal was begun. */
  ended: z.object({ records: count, bytes: count }).nullable(),
});
export type HoldTask = Readonly<z.infer<typeof holdTaskSchema>>;

/** What is copied for an order, in one of its versions. Personal data. */
export interface HoldScope {
  readonly version: number;
  readonly scope: Scope;
}

/**
 * The ledger, as the retention service writes to it: in the same process, or over the API with a signed
 * credential. There is one writer of the ledger, and it is on the other side of this.
 */
export interface RetentionRecord {
  view(): Promise<RetentionView>;
  /** Holds that are not removed; those that are due are placed first. */
  holds(): Promise<HoldTask[]>;
  /** Null where the order keeps nothing. */
  holdScope(orderId: string): Promise<HoldScope | null>;
  /**
   * Durable once resolved.
   * @throws an error with the `code` of the refusal where the rules of shared/control do not allow it
   */
  append(draft: RetentionDraft | DiskKeyDraft | HoldDraft): Promise<void>;
}

import type { RemovedDay } from '#shared/control';
import type { ClockVerdict, PictureDay, RetentionView } from '#shared/retention';
import type { DiskKeyStatus } from './disk-keys.ts';
import type { HoldStatus } from './holds.ts';
import type { Left } from './place.ts';
import type { ReconciliationStatus } from './reconciliation.ts';

/** What is still there past its time, and where. */
export type Overdue = Left & { readonly place: string };

/** How expiry stands, for operators: days, counts and times, nothing of a record. */
export interface RetentionStatus {
  /** When this was found, RFC 3339 UTC; null before the first look. */
  readonly lookedAt: string | null;
  /** ISO 8601. */
  readonly period: string;
  readonly clock: ClockVerdict | null;
  /** Code of the fault for which the last look came to nothing. */
  readonly fault: string | null;
  /** Last day that is wholly past its period. */
  readonly through: string | null;
  /** Days removed and not yet certified. */
  readonly removing: readonly RemovedDay[];
  readonly lastCertificate: { readonly through: string; readonly at: string; readonly goneAt: string } | null;
  readonly overdue: readonly Overdue[];
  /** Places that could not be looked at, with the reason. */
  readonly notChecked: readonly { readonly place: string; readonly reason: string }[];
  /** Whether the engine's own deletion is held, so that this service alone deletes. */
  readonly engineHeld: boolean;
  /** Keys of the disk and what is under them, the oldest first; none where this service has them not. */
  readonly diskKeys: readonly DiskKeyStatus[];
  /** How the sums of sources stand; null where this service does not look at them. */
  readonly reconciliation: ReconciliationStatus | null;
  /** Holds of orders that are not removed, by what the ledger says and what is there. */
  readonly holds: readonly HoldStatus[];
  /** Days of traffic, the oldest first: those held, and the last that went. */
  readonly days: readonly PictureDay[];
}

export const beforeFirstLook = (period: string): RetentionStatus => ({
  lookedAt: null,
  period,
  clock: null,
  fault: null,
  through: null,
  removing: [],
  lastCertificate: null,
  overdue: [],
  notChecked: [],
  engineHeld: false,
  diskKeys: [],
  reconciliation: null,
  holds: [],
  days: [],
});

export function certificateOf({ lastCertificate }: RetentionView): RetentionStatus['lastCertificate'] {
  if (lastCertificate === null) return null;
  const { through, at, goneAt } = lastCertificate;
  return { through, at, goneAt };
}

import type { BatchBounds } from '#shared/bus';

/** Batches of the embedded bus: what collectors publish within a moment. */
export const defaultBatchBounds: BatchBounds = {
  maxRecords: 10_000,
  maxBytes: 8 * 1024 * 1024,
  maxWaitMs: 50,
};

/**
 * Batches out of Kafka, where a backlog may wait: one insert of one partition each, as large as a fetch
 * gives, so that ClickHouse gets few parts. At most three are at work in one process
 * (`partitionsAtOnce`), each with its bytes, its events and its rows.
 */
export const clusterBatchBounds: BatchBounds = {
  maxRecords: 50_000,
  maxBytes: 32 * 1024 * 1024,
  maxWaitMs: 500,
};

/** Waits between the tries of an insert that may succeed later. It is tried until it does. */
export interface RetryBounds {
  /** Wait before the second try, milliseconds; doubled for each further one. */
  readonly firstDelayMs: number;
  /** Also how long after its return an idle store may stay unnoticed. */
  readonly maxDelayMs: number;
}

export const defaultRetryBounds: RetryBounds = { firstDelayMs: 100, maxDelayMs: 10_000 };

/** Records parsed at a stretch: about ten milliseconds, after which others get their turn. */
export const parsedAtAStretch = 500;

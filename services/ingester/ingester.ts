import { createHash } from 'node:crypto';
import { setImmediate as eventLoop, setTimeout as sleep } from 'node:timers/promises';
import { type BatchBounds, type Bus, type BusBatch, type BusRecord, topics } from '#shared/bus';
import { type Clock, type Logger, utc } from '#shared/runtime';
import { StoreError, type TrafficStore } from '#shared/store';
import type { TrafficEvent } from '#shared/traffic';
import { parseRecord, type RejectionReason } from './parse.ts';
import { fromRejectRecord, toRejectRecord } from './rejects.ts';

/** How long an insert that may succeed later is repeated. */
export interface RetryBounds {
  /** Wait before the second try, milliseconds; doubled for each further one. */
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
  /** Tries in all; after the last the batch is given back to the bus, unacknowledged. */
  readonly maxAttempts: number;
}

/** About eight seconds in all: under a Kafka session's time-out with room for the inserts themselves. */
export const defaultRetryBounds: RetryBounds = { firstDelayMs: 100, maxDelayMs: 2000, maxAttempts: 8 };

export const defaultBatchBounds: BatchBounds = {
  maxRecords: 5000,
  maxBytes: 8 * 1024 * 1024,
  maxWaitMs: 50,
};

/** Records parsed at a stretch: about ten milliseconds, after which others get their turn. */
const parsedAtAStretch = 500;

export interface IngesterDependencies {
  readonly bus: Bus;
  readonly store: TrafficStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly bounds?: BatchBounds;
  readonly retry?: RetryBounds;
}

export interface IngesterStats {
  /** Batches acknowledged. */
  readonly batches: number;
  /** Events of acknowledged batches; one that was delivered again counts again. */
  readonly inserted: number;
  /** Records rejected, by reason. */
  readonly rejected: Readonly<Partial<Record<RejectionReason, number>>>;
  /** Inserts that were repeated. */
  readonly retries: number;
}

export interface Ingester {
  /** Subscribes to the topics of traffic and of rejects. The bus drives it from then on; it ends with it. */
  start(): Promise<void>;
  stats(): IngesterStats;
}

/**
 * Moves records from the bus to the store. A batch is acknowledged after its rejects are on their topic and
 * its events in the table, in this order, so that a crash in between repeats both and loses neither.
 */
export function createIngester(dependencies: IngesterDependencies): Ingester {
  const { bus, store, clock, logger, bounds = defaultBatchBounds, retry = defaultRetryBounds } = dependencies;
  let batches = 0;
  let inserted = 0;
  let retries = 0;
  const rejected: Partial<Record<RejectionReason, number>> = {};

  async function handleTraffic({ records }: BusBatch): Promise<void> {
    const now = clock.now();
    const events: TrafficEvent[] = [];
    const rejects: { record: BusRecord; reason: RejectionReason }[] = [];
    for (const [index, record] of records.entries()) {
      if (index % parsedAtAStretch === 0) await eventLoop();
      const parsed = parseRecord(record.value, now, store.retention);
      if (parsed.ok) events.push(parsed.event);
      else rejects.push({ record, reason: parsed.reason });
    }
    if (rejects.length > 0) {
      logger.warn({ count: rejects.length, code: 'ingester.rejected' }, 'records were rejected');
      await bus.publish(
        topics.rejected,
        rejects.map(({ record, reason }) => toRejectRecord(record, reason, utc(now))),
      );
    }
    const deduplicationToken = tokenOf(events.map(({ eventId, collectedAt }) => `${eventId} ${collectedAt}`));
    await untilInserted(() => store.insertEvents(events, { deduplicationToken }));
    batches += 1;
    inserted += events.length;
    for (const { reason } of rejects) rejected[reason] = (rejected[reason] ?? 0) + 1;
  }

  async function handleRejects({ records }: BusBatch): Promise<void> {
    const now = utc(clock.now());
    const rows = records.map((record) => fromRejectRecord(record, now));
    const deduplicationToken = tokenOf(rows.map(({ coordinates, reason }) => `${coordinates} ${reason}`));
    await untilInserted(() => store.insertRejected(rows, { deduplicationToken }));
  }

  /** The same bytes under the same token each time, so that a try whose answer was lost counts once. */
  async function untilInserted(insert: () => Promise<void>): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await insert();
      } catch (error) {
        const code = error instanceof StoreError ? error.code : 'ingester.failed';
        if (!(error instanceof StoreError && error.retriable) || attempt >= retry.maxAttempts) {
          logger.error({ code, attempt }, 'an insert failed; the batch is not acknowledged');
          throw error;
        }
        const delayMs = Math.min(retry.firstDelayMs * 2 ** (attempt - 1), retry.maxDelayMs);
        logger.warn({ code, attempt, delayMs }, 'an insert failed and is repeated');
        retries += 1;
        await sleep(delayMs);
      }
    }
  }

  return {
    async start() {
      await bus.subscribe(topics.rejected, bounds, handleRejects);
      await bus.subscribe(topics.traffic, bounds, handleTraffic);
    },
    stats: () => ({ batches, inserted, rejected: { ...rejected }, retries }),
  };
}

/**
 * Names a batch by what is in it. Not by its coordinates: those of the embedded bus are new with each
 * delivery, and a token that stood for two different batches would lose the second.
 */
function tokenOf(members: readonly string[]): string {
  const hash = createHash('sha256');
  for (const member of members) hash.update(`${member}\n`);
  return hash.digest('hex');
}

import { setImmediate as eventLoop } from 'node:timers/promises';
import { type BatchBounds, type Bus, type BusBatch, BusError, type BusRecord, topics } from '#shared/bus';
import { type Clock, type Logger, utc } from '#shared/runtime';
import type { StorableEvent, TrafficStore } from '#shared/store';
import type { SourceTally } from '#shared/traffic';
import { countRejects, defaultRejectCeiling, fromNote, type RejectCeiling, toNote } from './ceiling.ts';
import { IngesterError } from './errors.ts';
import { createFastPath } from './fast-path.ts';
import { BatchReleased, Insertion, type Waiting } from './insertion.ts';
import { defaultBatchBounds, defaultRetryBounds, parsedAtAStretch, type RetryBounds } from './limits.ts';
import { parseRecord, type RejectionReason } from './parse.ts';
import { fromRejectRecord, toRejectRecord } from './rejects.ts';
import { parseTally } from './tally.ts';
import { tokenOf } from './token.ts';

export interface IngesterDependencies {
  readonly bus: Bus;
  readonly store: TrafficStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** `clusterBatchBounds` where the bus is Kafka. */
  readonly bounds?: BatchBounds;
  readonly retry?: RetryBounds;
  readonly ceiling?: RejectCeiling;
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
  /** What the store is waited for, if it is; null while all goes well. */
  readonly waiting: Waiting | null;
}

export interface Ingester {
  /** Subscribes to the topics of traffic and of rejects. The bus drives it from then on; it ends with it. */
  start(): Promise<void>;
  stats(): IngesterStats;
  /**
   * Resolves, if ever, with why it ended for good. Nothing is acknowledged from then on: the process should
   * end with a failure, and once a person has mended it another goes on where this one stopped.
   */
  readonly failed: Promise<IngesterError>;
}

interface Reject {
  readonly record: BusRecord;
  readonly reason: RejectionReason;
}

/** A batch's records, told apart; `records` are those of `events`, in the same order. */
interface Sorted {
  readonly events: readonly StorableEvent[];
  readonly records: readonly BusRecord[];
  readonly rejects: readonly Reject[];
  /** What collectors counted. */
  readonly tallies: readonly SourceTally[];
}

/**
 * Moves records from the bus to the store. A batch is acknowledged after its rejects are on their topic and
 * its events in the table, in this order, so that a crash in between repeats both and loses neither.
 *
 * What is delivered again may be cut into other batches, with other tokens, and then stands in the table
 * twice; the store's readers see each event once. Its rejects are told apart by their coordinates.
 */
export function createIngester(dependencies: IngesterDependencies): Ingester {
  const { bus, store, clock, logger } = dependencies;
  const { bounds = defaultBatchBounds, retry = defaultRetryBounds } = dependencies;
  const { ceiling = defaultRejectCeiling } = dependencies;
  let batches = 0;
  let inserted = 0;
  const rejected: Partial<Record<RejectionReason, number>> = {};
  const insertion = new Insertion({ logger, retry });
  let ended: IngesterError | null = null;
  let end: (error: IngesterError) => void = () => {};
  const failed = new Promise<IngesterError>((resolve) => {
    end = resolve;
  });

  async function sortOut(records: readonly BusRecord[], now: number): Promise<Sorted> {
    const sorted = {
      events: [] as StorableEvent[],
      records: [] as BusRecord[],
      rejects: [] as Reject[],
      tallies: [] as SourceTally[],
    };
    const fastPath = createFastPath(now);
    for (const [index, record] of records.entries()) {
      if (index % parsedAtAStretch === 0) await eventLoop();
      const taken = fastPath(record.value);
      const tally = taken === null ? parseTally(record.value) : null;
      if (tally !== null) {
        sorted.tallies.push(tally);
        continue;
      }
      const parsed =
        taken === null
          ? parseRecord(record.value, now, store.retention)
          : { ok: true as const, event: taken };
      if (parsed.ok) {
        sorted.events.push(parsed.event);
        sorted.records.push(record);
      } else sorted.rejects.push({ record, reason: parsed.reason });
    }
    return sorted;
  }

  async function handleTraffic(batch: BusBatch): Promise<void> {
    const now = clock.now();
    const { events, records, rejects, tallies } = await sortOut(batch.records, now);
    // Decided before any is published: a restart would publish them again, and again.
    const count = countRejects(
      fromNote(batch.note),
      { records: batch.records.length, rejects: rejects.length },
      ceiling,
    );
    if (count === null) throw tooManyRejects(rejects);
    batch.keep(toNote(count));
    if (rejects.length > 0) {
      logger.warn({ count: rejects.length, code: 'ingester.rejected' }, 'records were rejected');
      await bus.publish(
        topics.rejected,
        rejects.map(({ record, reason }) => toRejectRecord(record, reason, utc(now))),
      );
    }
    const deduplicationToken = tokenOf(batch.range, records);
    await insertion.untilDone(() => store.insertEvents(events, { deduplicationToken }), batch.released);
    // After the events that they count, so that a crash in between shows none as missing.
    await insertion.untilDone(() => store.insertTallies(tallies), batch.released);
    batches += 1;
    inserted += events.length;
    for (const { reason } of rejects) rejected[reason] = (rejected[reason] ?? 0) + 1;
  }

  async function handleRejects(batch: BusBatch): Promise<void> {
    const now = utc(clock.now());
    const rows = batch.records.map((record) => fromRejectRecord(record, now));
    const deduplicationToken = tokenOf(batch.range, batch.records);
    await insertion.untilDone(() => store.insertRejected(rows, { deduplicationToken }), batch.released);
  }

  /** The first fault for good is the last: nothing is acknowledged after it. */
  const latched = (handle: (batch: BusBatch) => Promise<void>) => async (batch: BusBatch) => {
    if (ended !== null) throw ended;
    try {
      await handle(batch);
    } catch (error) {
      if (error instanceof BatchReleased) throw error;
      if (error instanceof BusError) {
        logger.warn({ code: error.code }, 'rejects could not be published; their batch is delivered again');
        throw error;
      }
      ended ??=
        error instanceof IngesterError
          ? error
          : new IngesterError('ingester.fault', 'A batch failed by a fault of our own', { cause: error });
      logger.error(
        { code: ended.code, ...(ended.reason === undefined ? {} : { reason: ended.reason }) },
        'the ingester ended; a person must look at it',
      );
      end(ended);
      throw ended;
    }
    if (ended !== null) throw ended;
  };

  return {
    failed,

    async start() {
      await bus.subscribe(topics.rejected, bounds, latched(handleRejects));
      await bus.subscribe(topics.traffic, bounds, latched(handleTraffic));
    },

    stats: () => ({
      batches,
      inserted,
      rejected: { ...rejected },
      retries: insertion.retries,
      waiting: insertion.waiting,
    }),
  };
}

/** Named after the commonest reason, which says most about what went wrong. */
function tooManyRejects(rejects: readonly Reject[]): IngesterError {
  const counts = new Map<RejectionReason, number>();
  for (const { reason } of rejects) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const [reason] = [...counts].sort(([, a], [, b]) => b - a)[0] ?? [];
  return new IngesterError('ingester.too_many_rejects', 'Too many records are no events', { reason });
}

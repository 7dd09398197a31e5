import { createHash } from 'node:crypto';
import { setImmediate as eventLoop } from 'node:timers/promises';
import { z } from 'zod';
import type { Scope } from '#shared/orders';
import {
  type EventType,
  eventTypes,
  type SourceTally,
  type TrafficEvent,
  utcTimestamp,
} from '#shared/traffic';
import { eventFromRow, insertColumns, rfc3339FromStore, storeTime } from './columns.ts';
import type { Database, StoreQuery } from './database.ts';
import { StoreError } from './errors.ts';
import { eventRows, type StorableEvent } from './event-rows.ts';
import { countQuery, type HeldSource, scopeQuery, windowQuery } from './query.ts';
import { type ReleasedReading, releasedReading } from './released-reading.ts';
import type { RetentionPeriod } from './retention.ts';
import type { SliceBounds } from './slices.ts';
import { tallyColumns, tallyRow } from './source-days.ts';

/** A record of the bus that was no event, as kept for operators. */
export interface RejectedRecord {
  /** Where it stood on the bus. */
  readonly coordinates: string;
  /** Stable name of what is wrong with it. */
  readonly reason: string;
  /** RFC 3339 UTC with milliseconds. */
  readonly rejectedAt: string;
  /** The record's first bytes, base64; the rejecter bounds them. */
  readonly valueBase64: string;
  /** Length of the whole record. */
  readonly valueBytes: number;
  /** SHA-256 of the whole record, hex. */
  readonly valueSha256: string;
}

/** Times between which there is something to read. RFC 3339 UTC with milliseconds. */
export interface DataWindow {
  readonly firstCollectedAt: string;
  readonly lastCollectedAt: string;
  readonly firstOccurredAt: string;
  readonly lastOccurredAt: string;
}

/** Records of a scope, in groups, with the query that gives them. Can be read once. */
export interface ScopeReading extends AsyncIterable<TrafficEvent[]> {
  /** For the manifest. Its parameters are personal data. */
  readonly query: StoreQuery;
}

export interface ReadOptions {
  /** Clock reading that the retention bound is taken at, milliseconds since the epoch. */
  readonly now: number;
  /** Holds that may be read besides the traffic; none, where absent. */
  readonly holds?: readonly HeldSource[];
}

export interface ReleaseOptions extends ReadOptions {
  /** Smaller slices than `sliceBounds`, for tests. */
  readonly slices?: SliceBounds;
}

export interface InsertOptions {
  /**
   * 1 to 128 of `A-Za-z0-9_-`; the same token with the same rows inserts them once where tables are
   * replicated. Elsewhere they stand twice, and are read once.
   */
  readonly deduplicationToken: string;
}

/** Traffic data at rest. All methods throw `StoreError`. */
export interface TrafficStore {
  readonly retention: RetentionPeriod;
  /** Durable once resolved. The events are valid and within retention; none gives no insert. */
  insertEvents(events: readonly StorableEvent[], options: InsertOptions): Promise<void>;
  insertRejected(records: readonly RejectedRecord[], options: InsertOptions): Promise<void>;
  /** What collectors counted; of one source, day and checkpoint the largest counts hold. Repeatable. */
  insertTallies(tallies: readonly SourceTally[]): Promise<void>;
  /** Ordered by `occurredAt`, then `eventId`; each event once. Leaving the loop ends the query. */
  readScope(scope: Scope, options: ReadOptions): ScopeReading;
  /** `readScope`, projected to the scope's categories, at the engine's speed and in bounded memory. */
  readReleased(scope: Scope, options: ReleaseOptions): ReleasedReading;
  /** How many events `readScope` would give, by type; types without any are left out. */
  countScope(scope: Scope, options: ReadOptions): Promise<Partial<Record<EventType, number>>>;
  /** @returns null where there is nothing to read */
  dataWindow(now: number, holds?: readonly HeldSource[]): Promise<DataWindow | null>;
  close(): Promise<void>;
}

/** Events parsed at a stretch: about ten milliseconds, after which others get their turn. */
const groupSize = 500;

const count = z.coerce.number().int().nonnegative();
const typeCount = z.object({ type: z.enum(eventTypes), events: count });
const time = z.string().transform(rfc3339FromStore).pipe(utcTimestamp);
const windowRow = z.object({
  rows: count,
  first_collectedAt: time,
  last_collectedAt: time,
  first_occurredAt: time,
  last_occurredAt: time,
});

const rejectedColumns = [
  'coordinates',
  'reason',
  'rejectedAt',
  'valueBase64',
  'valueBytes',
  'valueSha256',
] as const;

/** @param database with all migrations applied (`migrations.ts`); closed with the store */
export function createTrafficStore(
  database: Database,
  { retention }: { readonly retention: RetentionPeriod },
): TrafficStore {
  async function all<T>(query: StoreQuery, schema: z.ZodType<T>): Promise<T[]> {
    const found: T[] = [];
    for await (const rows of database.rows(query)) {
      for (const row of rows) {
        const parsed = schema.safeParse(row);
        if (!parsed.success) throw new StoreError('store.row_invalid', 'A query gave an unexpected row');
        found.push(parsed.data);
      }
    }
    return found;
  }

  return {
    retention,

    async insertEvents(events, { deduplicationToken }) {
      if (events.length === 0) return;
      await database.insert('traffic', insertColumns, eventRows(events), deduplicationToken);
    },

    async insertRejected(records, { deduplicationToken }) {
      if (records.length === 0) return;
      const rows = records.map((record) =>
        JSON.stringify({ ...record, rejectedAt: storeTime(record.rejectedAt) }),
      );
      await database.insert('rejected', rejectedColumns, rows, deduplicationToken);
    },

    async insertTallies(tallies) {
      if (tallies.length === 0) return;
      const rows = tallies.map(tallyRow);
      const token = createHash('sha256').update(rows.join('\n')).digest('hex');
      await database.insert('source_days', tallyColumns, rows, token);
    },

    readScope(scope, { now, holds }) {
      const query = scopeQuery(scope, now, retention, holds);
      return {
        query,
        async *[Symbol.asyncIterator]() {
          for await (const rows of database.rows(query)) {
            for (let start = 0; start < rows.length; start += groupSize) {
              yield rows.slice(start, start + groupSize).map(eventFromRow);
              await eventLoop();
            }
          }
        },
      };
    },

    readReleased: (scope, { now, slices, holds = [] }) =>
      releasedReading({ database, all, scope, now, retention, slices, holds }),

    async countScope(scope, { now, holds }) {
      const counts = await all(countQuery(scope, now, retention, holds), typeCount);
      return Object.fromEntries(counts.map(({ type, events }) => [type, events]));
    },

    async dataWindow(now, holds) {
      const [row] = await all(windowQuery(now, retention, holds), windowRow);
      if (row === undefined || row.rows === 0) return null;
      return {
        firstCollectedAt: row.first_collectedAt,
        lastCollectedAt: row.last_collectedAt,
        firstOccurredAt: row.first_occurredAt,
        lastOccurredAt: row.last_occurredAt,
      };
    },

    close: () => database.close(),
  };
}

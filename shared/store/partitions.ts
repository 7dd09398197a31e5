import { z } from 'zod';
import type { Database } from './database.ts';
import { StoreError } from './errors.ts';
import type { StoreTopology } from './migrations-topology.ts';
import { expiresAt, isRetained, type RetentionPeriod } from './retention.ts';
import { systemTables } from './system-tables.ts';

/*
 * The days that the tables hold, as the engine's own system tables list them, and their removal. A table is
 * partitioned by the day of collection (infra/clickhouse/migrations), so that a day goes as a whole: its
 * files are taken away, nothing is rewritten. `traffic_index` has a partition a week, by the name of its
 * first day, and goes when that day has expired.
 */

/** Tables whose rows expire, by the name under which everybody knows them. */
export const expiringTables = ['traffic', 'traffic_index', 'traffic_index_days', 'rejected'] as const;
export type ExpiringTable = (typeof expiringTables)[number];

/**
 * `active` can be read. `inactive` was merged or dropped, and its files are still there. `detached` was put
 * aside by a person or by the engine, and is no part of the table.
 */
export const partStates = ['active', 'inactive', 'detached'] as const;
export type PartState = (typeof partStates)[number];

/** What is there of one day of one table, over all replicas and shards. */
export interface DayHeld {
  readonly table: ExpiringTable;
  /** Day of collection in UTC, `2026-05-22`. */
  readonly day: string;
  readonly state: PartState;
  /** 0 where unknown: of detached parts the engine keeps no count. Copies on other replicas count again. */
  readonly rows: number;
  readonly bytes: number;
}

export interface Partitions {
  /** Every day that is there in any state, in their order. */
  list(): Promise<DayHeld[]>;
  /** Takes a day away, with what was detached of it. One that is not there is no error. */
  drop(table: ExpiringTable, day: string): Promise<void>;
  /**
   * Keeps the engine from deleting by its own clock, so that one hand alone deletes, and that hand looks at
   * the clock first. The table's TTL stays declared. Holds over restarts of the engine; repeatable.
   */
  holdEngineExpiry(): Promise<void>;
  /** When the last row was collected, milliseconds since the epoch; null where the table is empty. */
  newestCollectedAt(): Promise<number | null>;
  /** The engine's clock, milliseconds since the epoch. */
  engineTime(): Promise<number>;
  /** Tables of the engine's own that keep statements or messages and have rows, by name. */
  logsWithRows(): Promise<string[]>;
}

/** ClickHouse's own logs that would keep statements, parameters or rows. */
const tellingLogs = [
  'query_log',
  'query_thread_log',
  'query_views_log',
  'text_log',
  'trace_log',
  'processors_profile_log',
  'opentelemetry_span_log',
  'asynchronous_insert_log',
  'zookeeper_log',
  'crash_log',
  'error_log',
] as const;

const dayText = z.string().regex(/^\d{4}-\d{2}-\d{2}$/);
const number = z.coerce.number().int().nonnegative();
const dayRow = z.object({
  table: z.enum(expiringTables),
  day: dayText,
  state: z.enum(partStates),
  rows: number,
  bytes: number,
});

/**
 * @param options.database name of the database in which the tables are
 * @param options.topology as it was given to the migrations
 */
export function createPartitions(
  connection: Database,
  options: { readonly database: string; readonly topology?: StoreTopology },
): Partitions {
  const { rows, everywhere, onCluster, local, database } = systemTables(connection, options);
  const nameOf = (table: ExpiringTable): string => `${database}.${table}${local}`;

  const ours = `database = '${database}' AND table IN (${expiringTables.map((table) => `'${table}${local}'`).join(', ')})`;
  const table = local === '' ? 'table' : `replaceRegexpOne(table, '${local}$', '')`;
  const day = "concat(substring(id, 1, 4), '-', substring(id, 5, 2), '-', substring(id, 7, 2))";
  const list = `SELECT ${table} AS table, ${day} AS day, state, sum(n) AS rows, sum(size) AS bytes FROM (
SELECT table, partition_id AS id, if(active, 'active', 'inactive') AS state, rows AS n, bytes_on_disk AS size
FROM ${everywhere('system.parts')} WHERE ${ours} AND (rows > 0 OR active = 0)
UNION ALL
SELECT table, coalesce(partition_id, substring(name, 1, 8)) AS id, 'detached' AS state, 0 AS n, bytes_on_disk AS size
FROM ${everywhere('system.detached_parts')} WHERE ${ours}
) GROUP BY table, day, state ORDER BY day, table, state`;

  return {
    list: () => rows(list, dayRow),

    async drop(table, droppedDay) {
      const id = dayText.parse(droppedDay).replaceAll('-', '');
      const alter = `ALTER TABLE ${nameOf(table)}${onCluster}`;
      await connection.command(`${alter} DROP PARTITION ID '${id}'`);
      await connection.command(
        `${alter} DROP DETACHED PARTITION ID '${id}' SETTINGS allow_drop_detached = 1`,
      );
    },

    async holdEngineExpiry() {
      for (const table of expiringTables) {
        await connection.command(
          `ALTER TABLE ${nameOf(table)}${onCluster} MODIFY SETTING max_number_of_merges_with_ttl_in_pool = 0`,
        );
      }
    },

    async newestCollectedAt() {
      const [row] = await rows(
        `SELECT count() AS rows, toUnixTimestamp64Milli(max(collectedAt)) AS newest FROM ${database}.traffic_retained`,
        z.object({ rows: number, newest: z.coerce.number() }),
      );
      return row === undefined || row.rows === 0 ? null : row.newest;
    },

    async engineTime() {
      const [row] = await rows(
        'SELECT toUnixTimestamp64Milli(now64(3)) AS now',
        z.object({ now: z.coerce.number() }),
      );
      if (row === undefined) throw new StoreError('store.row_invalid', 'The engine gave no time');
      return row.now;
    },

    async logsWithRows() {
      const names = tellingLogs.map((name) => `'${name}'`).join(', ');
      const found = await rows(
        `SELECT DISTINCT table FROM ${everywhere('system.parts')} WHERE database = 'system' AND active AND rows > 0
AND replaceRegexpOne(table, '_[0-9]+$', '') IN (${names}) ORDER BY table`,
        z.object({ table: z.string() }),
      );
      return found.map((row) => row.table);
    },
  };
}

const dayMs = 86_400_000;

/** The UTC day of an instant, `2026-05-22`. */
export function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

/** Whether everything that can have been collected on this day has expired at `now`. */
export function isDayExpired(day: string, now: number, period: RetentionPeriod): boolean {
  return !isRetained(Date.parse(`${day}T00:00:00.000Z`) + dayMs - 1, now, period);
}

/** The last day that is wholly past its period at `now`. */
export function lastExpiredDay(now: number, period: RetentionPeriod): string {
  // Months differ by up to three days: begin beyond, and go back.
  let at = now - (period.months * 28 - 4) * dayMs;
  while (!isDayExpired(dayOf(at), now, period)) at -= dayMs;
  return dayOf(at);
}

/** First instant at which the whole day is past its period. */
export function dayExpiresAt(day: string, period: RetentionPeriod): number {
  return expiresAt(Date.parse(`${day}T00:00:00.000Z`) + dayMs - 1, period);
}

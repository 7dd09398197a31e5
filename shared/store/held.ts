import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Scope } from '#shared/orders';
import { storeTime } from './columns.ts';
import type { Database } from './database.ts';
import { type CopyPart, copyStatement } from './held-copy.ts';
import type { StoreTopology } from './migrations-topology.ts';
import type { RetentionPeriod } from './retention.ts';
import { systemTables } from './system-tables.ts';

/*
 * What orders hold: copies of records in `held_traffic`, a partition for each order, that end when the order's
 * hold does and not before. Until when each may be read stands in `holds`, beside what every query is told.
 */

/** A hold as the store knows it. Milliseconds since the epoch. */
export interface HoldTimes {
  readonly orderId: string;
  readonly since: number;
  readonly until: number;
}

/** What there is of an order's hold, in any state, by the engine's system tables; replicas' copies count again. */
export interface HeldAmount {
  /** Null where files are there and nothing says whose they are. */
  readonly orderId: string | null;
  readonly records: number;
  readonly bytes: number;
}

/** All methods throw `StoreError`. */
export interface HeldTraffic {
  /** Says until when a hold may be read. Repeatable; comes before what it is about is copied. */
  setTimes(hold: HoldTimes): Promise<void>;
  /** As they were last set. */
  times(): Promise<HoldTimes[]>;
  /**
   * Copies what is in scope and not there yet. Durable once resolved; repeatable, also after it was cut off.
   * One at a time.
   */
  copy(hold: Pick<HoldTimes, 'orderId' | 'since'>, scope: Scope, part: CopyPart): Promise<void>;
  list(): Promise<HeldAmount[]>;
  /** Writes everything anew, on an encrypted disk under its newest key: its files need no older one then. */
  rewrite(): Promise<void>;
  /** Takes away what an order held. Nothing there is no error. */
  drop(orderId: string): Promise<void>;
}

const number = z.coerce.number().int().nonnegative();
const milliseconds = z.coerce.number().int();
const timesRow = z.object({ orderId: z.uuid(), id: z.string(), since: milliseconds, until: milliseconds });
const partRow = z.object({ id: z.string(), records: number, bytes: number });

/** @param options.database name of the database in which the tables are */
export function createHeldTraffic(
  connection: Database,
  options: {
    readonly database: string;
    readonly topology?: StoreTopology;
    readonly retention: RetentionPeriod;
  },
): HeldTraffic {
  const { rows, everywhere, onCluster, local, database } = systemTables(connection, options);
  const times = () =>
    rows(
      `SELECT toString(h.orderId) AS orderId, partitionID(h.orderId) AS id,
toUnixTimestamp64Milli(argMax(since, changedAt)) AS since, toUnixTimestamp64Milli(argMax(until, changedAt)) AS until
FROM ${database}.holds AS h GROUP BY h.orderId ORDER BY h.orderId`,
      timesRow,
    );
  const ours = `database = '${database}' AND table = 'held_traffic${local}'`;

  return {
    times: async () => (await times()).map(({ orderId, since, until }) => ({ orderId, since, until })),

    async setTimes({ orderId, since, until }) {
      const time = (at: number): string => storeTime(new Date(at).toISOString());
      const row = { orderId, since: time(since), until: time(until) };
      const columns = ['orderId', 'since', 'until'];
      await connection.insert('holds', columns, [JSON.stringify(row)], randomUUID());
    },

    copy: (hold, scope, part) => connection.copy(copyStatement(hold, scope, options.retention, part)),

    async list() {
      const parts = await rows(
        `SELECT id, sum(n) AS records, sum(size) AS bytes FROM (
SELECT partition_id AS id, if(active, rows, 0) AS n, bytes_on_disk AS size
FROM ${everywhere('system.parts')} WHERE ${ours} AND (rows > 0 OR active = 0)
UNION ALL
SELECT coalesce(partition_id, '') AS id, 0 AS n, bytes_on_disk AS size
FROM ${everywhere('system.detached_parts')} WHERE ${ours}
) GROUP BY id ORDER BY id`,
        partRow,
      );
      if (parts.length === 0) return [];
      const known = new Map((await times()).map(({ id, orderId }) => [id, orderId]));
      return parts.map(({ id, records, bytes }) => ({ orderId: known.get(id) ?? null, records, bytes }));
    },

    async rewrite() {
      const partitions = await rows(
        `SELECT DISTINCT partition_id AS id FROM ${everywhere('system.parts')} WHERE ${ours} AND active`,
        z.object({ id: z.string().regex(/^[0-9a-f]{32}$/) }),
      );
      for (const { id } of partitions) {
        const text = `OPTIMIZE TABLE ${database}.held_traffic${local}${onCluster} PARTITION ID '${id}' FINAL`;
        await connection.copy({ text, parameters: {} });
      }
    },

    async drop(orderId) {
      const partition = `'${z.uuid().parse(orderId)}'`;
      const alter = `ALTER TABLE ${database}.held_traffic${local}${onCluster}`;
      await connection.command(`${alter} DROP PARTITION ${partition}`);
      await connection.command(
        `${alter} DROP DETACHED PARTITION ${partition} SETTINGS allow_drop_detached = 1`,
      );
    },
  };
}

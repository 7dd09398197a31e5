import { z } from 'zod';
import type { Variable } from '#shared/runtime';
import type { RetentionPeriod } from './retention.ts';

/*
 * The three ways in which a server can hold the tables, from one set of migrations:
 *
 * - `single`: one server, or the embedded engine. MergeTree.
 * - `replicated`: one shard on all hosts of a cluster. ReplicatedMergeTree.
 * - `sharded`: ReplicatedMergeTree `…_local` on each shard, and Distributed tables over them under the
 *   plain names, so that everybody else uses the same names in each topology.
 */

/** A name that stands in statements, where no parameter can: letters, digits and underscores. */
export const nameSchema = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'must be of letters, digits and _');

export const topologySchema = z
  .strictObject({
    topology: z.enum(['single', 'replicated', 'sharded']).default('single'),
    /** As `remote_servers` of the servers' configuration calls it. */
    cluster: nameSchema.optional(),
  })
  .refine(({ topology, cluster }) => (topology === 'single') === (cluster === undefined), {
    message: 'replicated and sharded need the name of a cluster, and single has none',
  });
export type StoreTopology = z.infer<typeof topologySchema>;

export const topologyVariables: readonly Variable[] = [
  {
    name: 'CLICKHOUSE_TOPOLOGY',
    member: 'topology',
    about: 'single, replicated (one shard) or sharded',
    default: 'single',
  },
  {
    name: 'CLICKHOUSE_CLUSTER',
    member: 'cluster',
    about: 'name of the cluster, where the tables are replicated or sharded',
  },
];

/** What is filled into the migrations. */
export interface Installation {
  readonly topology: StoreTopology;
  readonly retention: RetentionPeriod;
  /** Letters, digits and underscores (`nameSchema`). */
  readonly database: string;
  /** The user whose rights the view reads with: who applies the migrations. */
  readonly definer: string;
}

/**
 * How many inserts a replicated table remembers for deduplication, and how long: both cover what a consumer
 * may repeat after its longest absence, for which the topics keep records. Keeper takes note of an insert in
 * one step with its part.
 *
 * A plain MergeTree must remember none: it writes the insert's name to its log before it renames the part
 * into place. Killed in between, it has the name and not the rows, and answers the repeated insert well
 * without inserting it (seen with engine 26.7; test/fault/store-retry.test.ts). Rows that are there twice
 * are one event to every reader.
 */
const rememberedInserts = 10_000;
const rememberedSeconds = 7 * 24 * 3600;

/** Durable once acknowledged: parts are synced, also those that a replica fetched, which the quorum counts. */
function durability({ topology }: StoreTopology): string {
  const deduplication =
    topology === 'single'
      ? ['non_replicated_deduplication_window = 0']
      : [
          `replicated_deduplication_window = ${rememberedInserts}`,
          `replicated_deduplication_window_seconds = ${rememberedSeconds}`,
          'min_compressed_bytes_to_fsync_after_fetch = 1',
        ];
  return [...deduplication, 'fsync_after_insert = 1', 'fsync_part_directory = 1'].join(',\n    ');
}

const onCluster = ({ cluster }: StoreTopology): string =>
  cluster === undefined ? '' : ` ON CLUSTER '${cluster}'`;

/** `{shard}` and `{replica}` are macros of each host's configuration. */
function engine({ topology, database }: Installation, table: string, kind = ''): string {
  if (topology.topology === 'single') return `${kind}MergeTree`;
  return `Replicated${kind}MergeTree('/griffie/${database}/${table}/{shard}', '{replica}')`;
}

/** Of a small table of which every host of a cluster has a copy. */
function engineEverywhere({ topology, database }: Installation, table: string): string {
  if (topology.topology === 'single') return 'MergeTree';
  return `ReplicatedMergeTree('/griffie/${database}/${table}', '{shard}-{replica}')`;
}

/**
 * Fills in a migration and cuts it into statements. They end with a semicolon at the end of a line; comments
 * are on lines of their own; what stands between `{{sharded}}` and `{{end}}` is for that topology alone.
 * @throws RangeError for a placeholder that is none
 */
export function statementsOf(sql: string, installation: Installation): string[] {
  const { topology, retention, database, definer } = installation;
  const values: Readonly<Record<string, string>> = {
    retentionMonths: String(retention.months),
    database,
    definer: quoted(definer),
    local: topology.topology === 'sharded' ? '_local' : '',
    onCluster: onCluster(topology),
    cluster: topology.cluster ?? '',
    durability: durability(topology),
    'engine:traffic': engine(installation, 'traffic'),
    'engine:rejected': engine(installation, 'rejected'),
    'engine:source_days': engine(installation, 'source_days'),
    // Merges leave one row of each identifier and minute, or hour.
    'engine:traffic_index': engine(installation, 'traffic_index', 'Replacing'),
    'engine:traffic_index_days': engine(installation, 'traffic_index_days', 'Replacing'),
    'engine:held_traffic': engine(installation, 'held_traffic'),
    'engine:holds': engineEverywhere(installation, 'holds'),
  };
  return sql
    .replace(/^--.*\n/gm, '')
    .replace(/^\{\{sharded\}\}\n(.*?)^\{\{end\}\}\n/gms, topology.topology === 'sharded' ? '$1' : '')
    .replace(/\{\{([\w:]+)\}\}/g, (placeholder, name: string) => {
      const value = values[name];
      if (value === undefined) throw new RangeError(`a migration has the placeholder ${placeholder}`);
      return value;
    })
    .split(/;[ \t]*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

/** @param database letters, digits and underscores */
export function createDatabaseStatement(database: string, topology: StoreTopology): string {
  return `CREATE DATABASE IF NOT EXISTS ${nameSchema.parse(database)}${onCluster(topology)}`;
}

/** Brings a table to the period; a replicated one on every shard. */
export function retentionStatement(installation: Installation, table: string, column: string): string {
  const { topology, retention, database } = installation;
  return `ALTER TABLE ${database}.${table}${onCluster(topology)} MODIFY TTL toDateTime(${column}) + toIntervalMonth(${retention.months})`;
}

/**
 * Deletes what was past its time under the period that a table had, before it gets a longer one: what had
 * expired stays gone. Done when it returns, on every replica that can be reached.
 */
export function expiredStatement(
  { topology, database }: Installation,
  { table, months }: { readonly table: string; readonly months: number },
  column: string,
): string {
  return `ALTER TABLE ${database}.${table}${onCluster(topology)} DELETE WHERE addMonths(${column}, ${months}) <= now64(3, 'UTC') SETTINGS mutations_sync = 2`;
}

/** The record of applied migrations: one table, which every host of a cluster has a copy of. */
export function recordStatement(installation: Installation): string {
  const { topology, database } = installation;
  return `CREATE TABLE IF NOT EXISTS ${database}.griffie_migrations${onCluster(topology)}
(number UInt16, name String, sha256 String, recordedAt DateTime64(3, 'UTC') DEFAULT now64(3))
ENGINE = ${engineEverywhere(installation, 'griffie_migrations')}
ORDER BY (number, recordedAt)
SETTINGS ${durability(topology)}`;
}

/** A name of the server's own as it may stand in a statement. */
function quoted(name: string): string {
  return `\`${name.replace(/[\\`]/g, '\\$&')}\``;
}

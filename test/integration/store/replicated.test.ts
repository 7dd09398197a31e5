import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Session } from 'chdb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadMigrations, type StoreTopology } from '#shared/store';
import { trafficEventSchema } from '#shared/traffic';
import { recordStatement, statementsOf } from '../../../shared/store/migrations-topology.ts';
import { writeServerConfiguration } from '../../support/clickhouse-http/server-configuration.ts';
import {
  startZookeeper,
  type Zookeeper,
  zookeeperAvailable,
} from '../../support/clickhouse-http/zookeeper.ts';

/*
 * The embedded engine makes real ReplicatedMergeTree tables in a real coordination service, with the macros and
 * the cluster of infra/clickhouse. It has no interserver address, so that its replicas never become active: what
 * is inserted, and what other hosts do, is not tested here. Nor does it run distributed DDL: `ON CLUSTER` is
 * parsed and then left out.
 */

const name = 'the migrations on replicated tables';
const available = zookeeperAvailable();
if (available.ok) describe(`${name} (embedded engine with ZooKeeper)`, replicated);
else if (process.env.CI === 'true') {
  it(name, () => {
    throw new Error(`CI must run this: ${available.reason}`);
  });
} else describe.skip(`${name} (skipped: ${available.reason})`, replicated);

function replicated(): void {
  let folder: string;
  let zookeeper: Zookeeper;
  let session: Session;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'griffie-replicated-'));
    zookeeper = await startZookeeper();
    const connectionArgs = await writeServerConfiguration(folder, { zookeeperPort: zookeeper.port });
    session = new Session(join(folder, 'data'), { connectionArgs });
  });
  afterAll(async () => {
    // The session is left to the end of this process: closing it waits for replicas that cannot become active.
    await zookeeper.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function rows(statement: string): Promise<Record<string, unknown>[]> {
    const text = (await session.queryAsync(statement, { format: 'JSONEachRow' })).text();
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  }

  async function apply(topology: StoreTopology, database: string): Promise<void> {
    await session.queryAsync(`CREATE DATABASE ${database}`);
    const installation = { topology, retention: { months: 6 }, database, definer: 'default' };
    const statements = (await loadMigrations()).flatMap(({ sql }) => statementsOf(sql, installation));
    // Twice: each statement can be repeated.
    for (const statement of [recordStatement(installation), ...statements, ...statements]) {
      await session.queryAsync(`EXPLAIN AST ${statement}`);
      await session.queryAsync(statement.replace(` ON CLUSTER '${topology.cluster}'`, ''));
    }
  }
  const enginesOf = (database: string) =>
    rows(
      `SELECT name, engine, storage_policy FROM system.tables WHERE database = '${database}' ORDER BY name`,
    );
  const pathsOf = (database: string) =>
    rows(
      `SELECT table, zookeeper_path, replica_name FROM system.replicas WHERE database = '${database}' ORDER BY table`,
    );
  const encrypted = { storage_policy: 'griffie_encrypted_only' };

  it('make each table once in one shard, under a path and a name of its own', async () => {
    await apply({ topology: 'replicated', cluster: 'griffie' }, 'one_shard');
    expect(await enginesOf('one_shard')).toEqual([
      { name: 'griffie_migrations', engine: 'ReplicatedMergeTree', ...encrypted },
      { name: 'held_traffic', engine: 'ReplicatedMergeTree', ...encrypted },
      { name: 'held_traffic_readable', engine: 'View', storage_policy: '' },
      { name: 'holds', engine: 'ReplicatedMergeTree', ...encrypted },
      { name: 'rejected', engine: 'ReplicatedMergeTree', ...encrypted },
      { name: 'rejected_origins', engine: 'View', storage_policy: '' },
      { name: 'source_days', engine: 'ReplicatedMergeTree', ...encrypted },
      { name: 'traffic', engine: 'ReplicatedMergeTree', ...encrypted },
      { name: 'traffic_holdable', engine: 'View', storage_policy: '' },
      { name: 'traffic_index', engine: 'ReplicatedReplacingMergeTree', ...encrypted },
      { name: 'traffic_index_days', engine: 'ReplicatedReplacingMergeTree', ...encrypted },
      { name: 'traffic_index_days_fill', engine: 'MaterializedView', storage_policy: '' },
      { name: 'traffic_index_fill', engine: 'MaterializedView', storage_policy: '' },
      { name: 'traffic_index_retained', engine: 'View', storage_policy: '' },
      { name: 'traffic_origins', engine: 'View', storage_policy: '' },
      { name: 'traffic_retained', engine: 'View', storage_policy: '' },
    ]);
    expect(await pathsOf('one_shard')).toEqual([
      {
        table: 'griffie_migrations',
        zookeeper_path: '/griffie/one_shard/griffie_migrations',
        replica_name: '01-replica1',
      },
      {
        table: 'held_traffic',
        zookeeper_path: '/griffie/one_shard/held_traffic/01',
        replica_name: 'replica1',
      },
      { table: 'holds', zookeeper_path: '/griffie/one_shard/holds', replica_name: '01-replica1' },
      { table: 'rejected', zookeeper_path: '/griffie/one_shard/rejected/01', replica_name: 'replica1' },
      { table: 'source_days', zookeeper_path: '/griffie/one_shard/source_days/01', replica_name: 'replica1' },
      { table: 'traffic', zookeeper_path: '/griffie/one_shard/traffic/01', replica_name: 'replica1' },
      {
        table: 'traffic_index',
        zookeeper_path: '/griffie/one_shard/traffic_index/01',
        replica_name: 'replica1',
      },
      {
        table: 'traffic_index_days',
        zookeeper_path: '/griffie/one_shard/traffic_index_days/01',
        replica_name: 'replica1',
      },
    ]);
  });

  it('make Distributed tables with the local ones’ columns over the shards', async () => {
    await apply({ topology: 'sharded', cluster: 'griffie' }, 'shards');
    expect((await enginesOf('shards')).map((row) => `${row.name} ${row.engine}`)).toEqual([
      'griffie_migrations ReplicatedMergeTree',
      'held_traffic Distributed',
      'held_traffic_local ReplicatedMergeTree',
      'held_traffic_readable Distributed',
      'held_traffic_readable_local View',
      'holds ReplicatedMergeTree',
      'rejected Distributed',
      'rejected_local ReplicatedMergeTree',
      'rejected_origins Distributed',
      'rejected_origins_local View',
      'source_days Distributed',
      'source_days_local ReplicatedMergeTree',
      'traffic Distributed',
      'traffic_holdable Distributed',
      'traffic_holdable_local View',
      'traffic_index_days_fill_local MaterializedView',
      'traffic_index_days_local ReplicatedReplacingMergeTree',
      'traffic_index_fill_local MaterializedView',
      'traffic_index_local ReplicatedReplacingMergeTree',
      'traffic_index_retained Distributed',
      'traffic_index_retained_local View',
      'traffic_local ReplicatedMergeTree',
      'traffic_origins Distributed',
      'traffic_origins_local View',
      'traffic_retained Distributed',
      'traffic_retained_local View',
    ]);
    const columns = (table: string) =>
      rows(`SELECT name, type, default_kind, default_expression FROM system.columns
WHERE database = 'shards' AND table = '${table}' ORDER BY position`);
    expect(await columns('traffic')).toEqual(await columns('traffic_local'));
    expect(await columns('traffic_retained')).toEqual(await columns('traffic_retained_local'));
    expect((await columns('held_traffic')).map((row) => row.name).sort()).toEqual(
      ['orderId', ...Object.keys(trafficEventSchema.shape)].sort(),
    );
    expect((await columns('traffic_retained')).map((row) => row.name).sort()).toEqual(
      Object.keys(trafficEventSchema.shape).sort(),
    );
  });

  it('remember as many inserts as the topics keep records', async () => {
    const [row] = await rows(
      "SELECT create_table_query AS text FROM system.tables WHERE database = 'one_shard' AND name = 'traffic'",
    );
    expect(row?.text).toMatch(
      /replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800/,
    );
  });
}

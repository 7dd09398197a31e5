import { describe, expect, it } from 'vitest';
import { loadMigrations, topologySchema } from '#shared/store';
import { statementDangers } from '../../../shared/store/migrations-danger.ts';
import { recordStatement, statementsOf } from '../../../shared/store/migrations-topology.ts';

const installed = (topology: object) => ({
  topology: topologySchema.parse(topology),
  retention: { months: 6 },
  database: 'griffie',
  definer: 'griffie_owner',
});
const allOf = async (topology: object): Promise<string[]> =>
  (await loadMigrations()).flatMap(({ sql }) => statementsOf(sql, installed(topology)));
const heads = (statements: readonly string[]): string[] => statements.map((s) => s.split('\n')[0] ?? '');

describe('one set of migrations', () => {
  it('is MergeTree alone on a single server', async () => {
    const statements = await allOf({});
    expect(heads(statements)).toEqual([
      'CREATE TABLE IF NOT EXISTS griffie.traffic',
      'CREATE TABLE IF NOT EXISTS griffie.rejected',
      'CREATE OR REPLACE VIEW griffie.traffic_retained',
      'CREATE TABLE IF NOT EXISTS griffie.traffic_index',
      'CREATE MATERIALIZED VIEW IF NOT EXISTS griffie.traffic_index_fill',
      'CREATE TABLE IF NOT EXISTS griffie.traffic_index_days',
      'CREATE MATERIALIZED VIEW IF NOT EXISTS griffie.traffic_index_days_fill',
      'CREATE OR REPLACE VIEW griffie.traffic_index_retained',
      'CREATE TABLE IF NOT EXISTS griffie.source_days',
      'CREATE OR REPLACE VIEW griffie.rejected_origins',
      'CREATE TABLE IF NOT EXISTS griffie.held_traffic',
      'CREATE TABLE IF NOT EXISTS griffie.holds',
      'CREATE OR REPLACE VIEW griffie.held_traffic_readable',
      'CREATE OR REPLACE VIEW griffie.traffic_holdable',
      'CREATE OR REPLACE VIEW griffie.traffic_origins',
    ]);
    expect(statements.join('\n')).not.toMatch(/Replicated|Distributed|ON CLUSTER|\{\{/);
    // A window would lose a repeated insert after a kill: test/fault/store-retry.test.ts.
    expect(statements[0]).toContain('non_replicated_deduplication_window = 0');
  });

  it('is replicated on every host of a cluster, under the same names', async () => {
    const statements = await allOf({ topology: 'replicated', cluster: 'griffie' });
    expect(heads(statements)).toEqual([
      "CREATE TABLE IF NOT EXISTS griffie.traffic ON CLUSTER 'griffie'",
      "CREATE TABLE IF NOT EXISTS griffie.rejected ON CLUSTER 'griffie'",
      "CREATE OR REPLACE VIEW griffie.traffic_retained ON CLUSTER 'griffie'",
      "CREATE TABLE IF NOT EXISTS griffie.traffic_index ON CLUSTER 'griffie'",
      "CREATE MATERIALIZED VIEW IF NOT EXISTS griffie.traffic_index_fill ON CLUSTER 'griffie'",
      "CREATE TABLE IF NOT EXISTS griffie.traffic_index_days ON CLUSTER 'griffie'",
      "CREATE MATERIALIZED VIEW IF NOT EXISTS griffie.traffic_index_days_fill ON CLUSTER 'griffie'",
      "CREATE OR REPLACE VIEW griffie.traffic_index_retained ON CLUSTER 'griffie'",
      "CREATE TABLE IF NOT EXISTS griffie.source_days ON CLUSTER 'griffie'",
      "CREATE OR REPLACE VIEW griffie.rejected_origins ON CLUSTER 'griffie'",
      "CREATE TABLE IF NOT EXISTS griffie.held_traffic ON CLUSTER 'griffie'",
      "CREATE TABLE IF NOT EXISTS griffie.holds ON CLUSTER 'griffie'",
      "CREATE OR REPLACE VIEW griffie.held_traffic_readable ON CLUSTER 'griffie'",
      "CREATE OR REPLACE VIEW griffie.traffic_holdable ON CLUSTER 'griffie'",
      "CREATE OR REPLACE VIEW griffie.traffic_origins ON CLUSTER 'griffie'",
    ]);
    expect(statements[0]).toContain(
      "ENGINE = ReplicatedMergeTree('/griffie/griffie/traffic/{shard}', '{replica}')",
    );
    expect(statements[0]).toContain('\n    replicated_deduplication_window = 10000');
    expect(statements[0]).toContain('min_compressed_bytes_to_fsync_after_fetch = 1');
  });

  it('has Distributed tables of the plain names over the shards', async () => {
    const statements = await allOf({ topology: 'sharded', cluster: 'griffie' });
    expect(heads(statements).map((head) => head.replace(" ON CLUSTER 'griffie'", ''))).toEqual([
      'CREATE TABLE IF NOT EXISTS griffie.traffic_local',
      'CREATE TABLE IF NOT EXISTS griffie.traffic AS griffie.traffic_local',
      'CREATE TABLE IF NOT EXISTS griffie.rejected_local',
      'CREATE TABLE IF NOT EXISTS griffie.rejected AS griffie.rejected_local',
      'CREATE OR REPLACE VIEW griffie.traffic_retained_local',
      'CREATE TABLE IF NOT EXISTS griffie.traffic_retained AS griffie.traffic_retained_local',
      'CREATE TABLE IF NOT EXISTS griffie.traffic_index_local',
      'CREATE MATERIALIZED VIEW IF NOT EXISTS griffie.traffic_index_fill_local',
      'CREATE TABLE IF NOT EXISTS griffie.traffic_index_days_local',
      'CREATE MATERIALIZED VIEW IF NOT EXISTS griffie.traffic_index_days_fill_local',
      'CREATE OR REPLACE VIEW griffie.traffic_index_retained_local',
      'CREATE TABLE IF NOT EXISTS griffie.traffic_index_retained AS griffie.traffic_index_retained_local',
      'CREATE TABLE IF NOT EXISTS griffie.source_days_local',
      'CREATE TABLE IF NOT EXISTS griffie.source_days AS griffie.source_days_local',
      'CREATE OR REPLACE VIEW griffie.rejected_origins_local',
      'CREATE TABLE IF NOT EXISTS griffie.rejected_origins AS griffie.rejected_origins_local',
      'CREATE TABLE IF NOT EXISTS griffie.held_traffic_local',
      'CREATE TABLE IF NOT EXISTS griffie.held_traffic AS griffie.held_traffic_local',
      'CREATE TABLE IF NOT EXISTS griffie.holds',
      'CREATE OR REPLACE VIEW griffie.held_traffic_readable_local',
      'CREATE TABLE IF NOT EXISTS griffie.held_traffic_readable AS griffie.held_traffic_readable_local',
      'CREATE OR REPLACE VIEW griffie.traffic_holdable_local',
      'CREATE TABLE IF NOT EXISTS griffie.traffic_holdable AS griffie.traffic_holdable_local',
      'CREATE OR REPLACE VIEW griffie.traffic_origins_local',
      'CREATE TABLE IF NOT EXISTS griffie.traffic_origins AS griffie.traffic_origins_local',
    ]);
    // An event's id follows from these two: its copies meet on one shard.
    expect(statements[1]).toContain(
      "Distributed('griffie', 'griffie', 'traffic_local', sipHash64(sourceId, sourcePosition))",
    );
    expect(statements[4]).toContain('FROM griffie.traffic_local\n');
  });

  it('has one record for all hosts, whatever their shard', () => {
    const statement = recordStatement(installed({ topology: 'sharded', cluster: 'griffie' }));
    expect(statement).toContain(
      "ReplicatedMergeTree('/griffie/griffie/griffie_migrations', '{shard}-{replica}')",
    );
  });

  it('takes no placeholder that it does not know', () => {
    expect(() => statementsOf('SELECT {{nothing}};', installed({}))).toThrow(RangeError);
  });

  it('needs a cluster’s name where there is a cluster, and has none elsewhere', () => {
    expect(topologySchema.safeParse({ topology: 'replicated' }).success).toBe(false);
    expect(topologySchema.safeParse({ cluster: 'griffie' }).success).toBe(false);
    expect(topologySchema.safeParse({ topology: 'sharded', cluster: "x' OR" }).success).toBe(false);
  });
});

describe('statements that take something away', () => {
  it.each([
    'DROP TABLE griffie.traffic',
    'truncate table griffie.traffic',
    'ALTER TABLE griffie.traffic ON CLUSTER c\n  DROP COLUMN x',
    'ALTER TABLE griffie.traffic MODIFY COLUMN x String',
    'ALTER TABLE griffie.traffic ADD COLUMN y String, RENAME COLUMN x TO z',
    'ALTER TABLE griffie.traffic DELETE WHERE 1',
    'DELETE FROM griffie.traffic WHERE 1',
    'CREATE OR REPLACE TABLE griffie.traffic (a String) ENGINE = Memory',
  ])('are dangerous: %s', (statement) => {
    expect(statementDangers('0009_x.sql', [statement]).map(({ name }) => name)).toEqual([
      'migration:0009_x.sql',
    ]);
  });

  it.each([
    'ALTER TABLE griffie.traffic ADD COLUMN IF NOT EXISTS x String',
    'ALTER TABLE griffie.traffic ADD INDEX i x TYPE bloom_filter',
    'ALTER TABLE griffie.traffic MODIFY SETTING ttl_only_drop_parts = 1',
    'CREATE OR REPLACE VIEW griffie.v AS SELECT 1',
  ])('are not: %s', (statement) => {
    expect(statementDangers('0009_x.sql', [statement])).toEqual([]);
  });
});

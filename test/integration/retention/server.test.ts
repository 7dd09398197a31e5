import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createMigrations,
  createPartitions,
  createTrafficStore,
  type Database,
  defaultRetention,
  loadMigrations,
  openServerDatabase,
  type Partitions,
} from '#shared/store';
import {
  type HttpEngineProcess,
  startHttpEngineProcess,
} from '../../support/clickhouse-http/engine-process.ts';
import { delivery } from '../store/helpers.ts';

describe('the days of a store that is reached over HTTP', () => {
  let folder: string;
  let engine: HttpEngineProcess;
  let database: Database;
  let partitions: Partitions;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'griffie-days-'));
    engine = await startHttpEngineProcess(folder);
    database = openServerDatabase({
      url: engine.url,
      username: 'default',
      password: '',
      database: 'default',
    });
    await createMigrations(database, {
      retention: defaultRetention,
      migrations: await loadMigrations(),
    }).apply();
    partitions = createPartitions(database, { database: 'default' });
  });
  afterAll(async () => {
    await database.close();
    await engine.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('are listed, dropped, and what tells of them is read', async () => {
    await partitions.holdEngineExpiry();
    const store = createTrafficStore(database, { retention: defaultRetention });
    const days = ['2096-06-01', '2096-06-02'];
    const events = days.map((day, n) => delivery(n, { collectedAt: `${day}T10:00:00.000Z` }));
    await store.insertEvents(events, { deduplicationToken: 'two' });
    expect((await partitions.list()).filter(({ table }) => table === 'traffic')).toMatchObject(
      days.map((day) => ({ table: 'traffic', day, state: 'active', rows: 1 })),
    );
    expect(await partitions.newestCollectedAt()).toBe(Date.parse('2096-06-02T10:00:00.000Z'));
    expect(Math.abs((await partitions.engineTime()) - Date.now())).toBeLessThan(60_000);
    expect(await partitions.logsWithRows()).toEqual([]);
    await partitions.drop('traffic', '2096-06-01');
    await partitions.drop('traffic_index_days', '2096-06-01');
    await partitions.drop('rejected', '2096-06-01');
    expect((await partitions.list()).map(({ table, day }) => `${table} ${day}`)).toEqual([
      'traffic_index 2096-05-28',
      'traffic 2096-06-02',
      'traffic_index_days 2096-06-02',
    ]);
  });
});

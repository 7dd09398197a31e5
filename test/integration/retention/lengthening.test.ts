import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createMigrations,
  createPartitions,
  createTrafficStore,
  type Database,
  loadMigrations,
  openEmbeddedDatabase,
} from '#shared/store';
import { aliceScope, delivery, readAll, rowsOf } from '../store/helpers.ts';

const dayMs = 86_400_000;

describe('a period that is made longer', () => {
  let folder: string;
  let database: Database;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'griffie-longer-'));
    database = await openEmbeddedDatabase({ folder });
  });
  afterAll(async () => {
    await database.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('brings back nothing of what had expired under the shorter one', async () => {
    const migrations = await loadMigrations();
    const [short, long] = [{ months: 3 }, { months: 12 }];
    await createMigrations(database, { retention: short, migrations }).apply();
    // As where the retention service was away: nothing but reads knows that it is over.
    await createPartitions(database, { database: 'default' }).holdEngineExpiry();
    const now = Date.now();
    const ago = (days: number): string => new Date(now - days * dayMs).toISOString();
    const events = [200, 100, 60, 0].map((days, index) => delivery(index, { collectedAt: ago(days) }));
    await createTrafficStore(database, { retention: short }).insertEvents(events, {
      deduplicationToken: 'four',
    });
    const longer = createMigrations(database, { retention: long, migrations });
    await expect(longer.apply()).rejects.toMatchObject({ code: 'store.change_not_allowed' });
    expect(await rowsOf(database, 'SELECT count() AS n FROM traffic')).toEqual([{ n: 4 }]);
    await longer.apply({ allow: ['retention:lengthen'] });
    const found = await readAll(createTrafficStore(database, { retention: long }), aliceScope, now);
    expect(found.map(({ collectedAt }) => collectedAt).sort()).toEqual([ago(60), ago(0)]);
    expect(await rowsOf(database, 'SELECT count() AS n FROM traffic')).toEqual([{ n: 2 }]);
  });
});

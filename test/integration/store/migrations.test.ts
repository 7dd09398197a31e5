import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createMigrations,
  type Database,
  loadMigrations,
  type Migration,
  openEmbeddedDatabase,
} from '#shared/store';
import { rowsOf } from './helpers.ts';

const retention = { months: 6 };

describe('migrations', () => {
  let folder: string;
  let database: Database;
  let migrations: Migration[];
  const over = (changed: readonly Migration[], months = 6) =>
    createMigrations(database, { retention: { months }, migrations: changed });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'griffie-migrations-'));
    database = await openEmbeddedDatabase({ folder });
    migrations = await loadMigrations();
  });
  afterAll(async () => {
    await database.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('are planned without being applied', async () => {
    const names = migrations.map(({ name }) => name);
    expect(names[0]).toBe('0001_traffic.sql');
    expect(await over(migrations).plan()).toEqual({ pending: names, retentionChanges: [] });
    const tables = `SELECT name FROM system.tables WHERE database = currentDatabase()`;
    expect(await rowsOf(database, tables)).toEqual([]);
  });

  it('are applied once, and again after a crash between a statement and its record', async () => {
    const [first] = migrations;
    if (first === undefined) throw new Error('no migrations');
    const crashed: Database = {
      ...database,
      command: (s) => database.command(s),
      rows: (q) => database.rows(q),
      insert: () => Promise.reject(new Error('crash')),
    };
    await expect(createMigrations(crashed, { retention, migrations }).apply()).rejects.toThrow('crash');
    expect((await over(migrations).apply()).pending).toHaveLength(migrations.length);
    expect((await over(migrations).apply()).pending).toEqual([]);
    expect(await rowsOf(database, 'SELECT count() AS n FROM griffie_migrations')).toEqual([
      { n: migrations.length },
    ]);
  });

  it('are refused where a file was changed, renamed, or is missing', async () => {
    const [first, ...others] = migrations;
    if (first === undefined) throw new Error('no migrations');
    const code = { code: 'store.migrations_differ' };
    const changed = over([{ ...first, sha256: '0'.repeat(64) }, ...others]).apply();
    await expect(changed).rejects.toMatchObject({
      ...code,
      message: expect.stringContaining('was changed after it was applied'),
    });
    const renamed = over([{ ...first, name: '0001_other.sql' }, ...others]).plan();
    await expect(renamed).rejects.toMatchObject({
      ...code,
      message: expect.stringContaining('is now called 0001_other.sql'),
    });
    await expect(over([first]).plan()).rejects.toMatchObject({
      ...code,
      message: expect.stringContaining('does not know'),
    });
  });

  it('bring the tables to a changed retention period', async () => {
    const changes = [
      { table: 'rejected', months: 6 },
      { table: 'traffic', months: 6 },
    ];
    expect((await over(migrations, 3).apply()).retentionChanges).toEqual(changes);
    expect((await over(migrations, 3).plan()).retentionChanges).toEqual([]);
    await over(migrations, 6).apply();
  });
});

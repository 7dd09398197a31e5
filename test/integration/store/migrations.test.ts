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

  it('are refused where a file was changed, renamed, or is missing, and each can be allowed by its name', async () => {
    const [first, ...others] = migrations;
    const last = migrations.at(-1);
    if (first === undefined || last === undefined) throw new Error('no migrations');
    const code = { code: 'store.migrations_differ' };
    const changed = over([{ ...first, sha256: '0'.repeat(64) }, ...others]);
    await expect(changed.apply()).rejects.toMatchObject({
      ...code,
      message: expect.stringContaining('was changed after it was applied'),
    });
    const renamed = over([{ ...first, name: '0001_other.sql' }, ...others]);
    await expect(renamed.plan()).rejects.toMatchObject({
      ...code,
      message: expect.stringContaining('is now called 0001_other.sql'),
    });
    const older = over(migrations.slice(0, -1));
    await expect(older.plan()).rejects.toMatchObject({
      ...code,
      message: expect.stringContaining('does not know'),
    });
    const names = async (of: typeof changed) => (await of.review()).dangers.map(({ name }) => name);
    expect([await names(changed), await names(renamed), await names(older)]).toEqual([
      ['changed:0001_traffic.sql'],
      ['changed:0001_other.sql'],
      [`newer:${last.name}`],
    ]);
    await older.apply({ allow: [`newer:${last.name}`] });
    await changed.apply({ allow: ['changed:0001_traffic.sql'] });
    expect(await changed.review()).toMatchObject({ pending: [], statements: [], dangers: [] });
    await over(migrations).apply({ allow: ['changed:0001_traffic.sql'] });
    expect(await names(over(migrations))).toEqual([]);
  });

  it('bring tables and view to a changed retention period, once that is allowed by name', async () => {
    const changes = [
      { table: 'rejected', months: 6 },
      { table: 'traffic', months: 6 },
      { table: 'traffic_holdable', months: 6 },
      { table: 'traffic_index', months: 6 },
      { table: 'traffic_index_days', months: 6 },
      { table: 'traffic_index_retained', months: 6 },
      { table: 'traffic_retained', months: 6 },
    ];
    const shorter = over(migrations, 3);
    await expect(shorter.apply()).rejects.toMatchObject({
      code: 'store.change_not_allowed',
      message: expect.stringContaining('--allow retention:shorten'),
    });
    expect((await over(migrations).review()).dangers).toEqual([]);
    const { statements } = await shorter.review();
    expect(statements[0]).toMatch(/^CREATE OR REPLACE VIEW/);
    // The views are made again, those of origins with them; the tables keep for another time.
    expect(statements).toHaveLength(10);
    expect((await shorter.apply({ allow: ['retention:shorten'] })).retentionChanges).toEqual(changes);
    expect((await shorter.plan()).retentionChanges).toEqual([]);
    const longer = over(migrations, 6);
    expect((await longer.review()).dangers.map(({ name }) => name)).toEqual(['retention:lengthen']);
    await longer.apply({ allow: ['retention:lengthen'] });
  });

  it('that take something away are applied only where that is allowed by name', async () => {
    const less = `${String(migrations.length + 1).padStart(4, '0')}_less.sql`;
    const dropping = {
      name: less,
      sha256: '1'.repeat(64),
      sql: 'ALTER TABLE {{database}}.rejected DROP COLUMN IF EXISTS valueBytes;\n',
    };
    const dropped = over([...migrations, dropping]);
    await expect(dropped.apply()).rejects.toMatchObject({ code: 'store.change_not_allowed' });
    await dropped.apply({ allow: [`migration:${less}`] });
    expect((await dropped.plan()).pending).toEqual([]);
  });
});

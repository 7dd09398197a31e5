import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { packageRoot } from '#shared/runtime';
import type { Database } from './database.ts';
import { StoreError } from './errors.ts';
import type { RetentionPeriod } from './retention.ts';

/** One numbered file of SQL statements. */
export interface Migration {
  readonly name: string;
  /** Of the file's bytes, before anything is filled in. */
  readonly sha256: string;
  readonly sql: string;
}

/** What `apply` would do. */
export interface MigrationPlan {
  /** Names of the files to apply, in order. */
  readonly pending: readonly string[];
  /** Tables whose TTL is another period than the configured one, with the months they have now. */
  readonly retentionChanges: readonly { readonly table: string; readonly months: number }[];
}

export interface Migrations {
  /** @throws {StoreError} `store.migrations_differ` where files and record do not fit together */
  plan(): Promise<MigrationPlan>;
  /** Applies what is pending, and the configured period to tables that have another. Repeatable. */
  apply(): Promise<MigrationPlan>;
}

const folder = join(packageRoot, 'infra', 'clickhouse', 'migrations');
const expiringTables = ['traffic', 'rejected'] as const;

/** The migrations that this version of Griffie comes with. */
export async function loadMigrations(from: string = folder): Promise<Migration[]> {
  const names = (await readdir(from)).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(
    names.map(async (name, index) => {
      if (!name.startsWith(`${String(index + 1).padStart(4, '0')}_`)) {
        throw new StoreError(
          'store.migrations_differ',
          `The migration files are not numbered 0001, 0002, … without a gap`,
        );
      }
      const bytes = await readFile(join(from, name));
      return { name, sha256: createHash('sha256').update(bytes).digest('hex'), sql: bytes.toString('utf8') };
    }),
  );
}

/** Statements end with a semicolon at the end of a line; comments are on lines of their own. */
export function statementsOf(sql: string, period: RetentionPeriod): string[] {
  return sql
    .replace(/^--.*\n/gm, '')
    .replaceAll('{{retentionMonths}}', String(period.months))
    .split(/;[ \t]*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

export function createMigrations(
  database: Database,
  options: { readonly retention: RetentionPeriod; readonly migrations: readonly Migration[] },
): Migrations {
  const { retention, migrations } = options;

  async function plan(): Promise<MigrationPlan> {
    const applied = await appliedMigrations(database);
    checkRecord(applied, migrations);
    return {
      pending: migrations.slice(applied.length).map(({ name }) => name),
      retentionChanges: (await retentionOfTables(database)).filter(
        ({ months }) => months !== retention.months,
      ),
    };
  }

  return {
    plan,
    async apply() {
      const todo = await plan();
      await database.command(createRecord);
      for (const [index, migration] of migrations.entries()) {
        if (!todo.pending.includes(migration.name)) continue;
        for (const statement of statementsOf(migration.sql, retention)) await database.command(statement);
        await record(database, index + 1, migration);
      }
      for (const { table } of todo.retentionChanges) {
        const column = table === 'traffic' ? 'collectedAt' : 'rejectedAt';
        await database.command(
          `ALTER TABLE ${table} MODIFY TTL toDateTime(${column}) + toIntervalMonth(${retention.months})`,
        );
      }
      return todo;
    },
  };
}

const createRecord = `CREATE TABLE IF NOT EXISTS griffie_migrations
(number UInt16, name String, sha256 String)
ENGINE = MergeTree ORDER BY number
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1`;

function record(database: Database, number: number, { name, sha256 }: Migration): Promise<void> {
  const row = JSON.stringify({ number, name, sha256 });
  return database.insert('griffie_migrations', ['number', 'name', 'sha256'], [row], `migration-${number}`);
}

const appliedRow = z.object({ number: z.coerce.number(), name: z.string(), sha256: z.string() });
type Applied = z.infer<typeof appliedRow>;

async function appliedMigrations(database: Database): Promise<Applied[]> {
  const there = await select(
    database,
    `SELECT name FROM system.tables WHERE database = currentDatabase() AND name = 'griffie_migrations'`,
  );
  if (there.length === 0) return [];
  const rows = await select(
    database,
    'SELECT DISTINCT number, name, sha256 FROM griffie_migrations ORDER BY number',
  );
  return rows.map((row) => appliedRow.parse(row));
}

function checkRecord(applied: readonly Applied[], migrations: readonly Migration[]): void {
  const refuse = (reason: string): never => {
    throw new StoreError('store.migrations_differ', reason);
  };
  for (const [index, { number, name, sha256 }] of applied.entries()) {
    const migration = migrations[index];
    if (number !== index + 1) {
      refuse(`The record of applied migrations has no number ${index + 1}, or has it twice`);
    } else if (migration === undefined) {
      refuse(
        `The database has migration ${name}, which this version does not know: it is newer, or a file is missing`,
      );
    } else if (migration.name !== name) {
      refuse(`Migration ${number} was applied as ${name} and is now called ${migration.name}`);
    } else if (migration.sha256 !== sha256) {
      refuse(`Migration ${name} was changed after it was applied; put it back and add a new one`);
    }
  }
}

async function retentionOfTables(database: Database): Promise<{ table: string; months: number }[]> {
  const rows = await select(
    database,
    `SELECT name, toUInt16OrZero(extract(engine_full, 'TTL .*toIntervalMonth\\\\((\\\\d+)\\\\)')) AS months
FROM system.tables WHERE database = currentDatabase() AND name IN ('${expiringTables.join("', '")}') ORDER BY name`,
  );
  return rows.map((row) => {
    const { name, months } = z.object({ name: z.string(), months: z.coerce.number() }).parse(row);
    return { table: name, months };
  });
}

async function select(database: Database, text: string): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const rows of database.rows({ text, parameters: {} })) found.push(...rows);
  return found;
}

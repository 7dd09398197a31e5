import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { packageRoot } from '#shared/runtime';
import type { Database } from './database.ts';
import { StoreError } from './errors.ts';
import {
  type Applied,
  type Danger,
  type RetentionChange,
  recordDangers,
  retentionDangers,
  statementDangers,
} from './migrations-danger.ts';
import {
  expiredStatement,
  type Installation,
  nameSchema,
  recordStatement,
  retentionStatement,
  type StoreTopology,
  statementsOf,
} from './migrations-topology.ts';
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
  /** What keeps for another period than the configured one, with the months that it has now. */
  readonly retentionChanges: readonly RetentionChange[];
}

/** The plan with what a person should see before it is applied. */
export interface MigrationReview extends MigrationPlan {
  /** Exactly what will be run, in order, apart from the record. */
  readonly statements: readonly string[];
  /** What must be allowed by name. */
  readonly dangers: readonly Danger[];
}

export interface ApplyOptions {
  /** Names of dangers that a person accepted. */
  readonly allow?: readonly string[];
}

export interface Migrations {
  /** @throws {StoreError} `store.migrations_differ` where files and record do not fit together */
  plan(): Promise<MigrationPlan>;
  /** The same for a person: what does not fit together is a danger by name, and nothing is thrown for it. */
  review(): Promise<MigrationReview>;
  /**
   * Applies what is pending, and the configured period to what has another. Repeatable. Nothing is changed
   * where a danger is not allowed.
   * @throws {StoreError} `store.migrations_differ`, `store.change_not_allowed`
   */
  apply(options?: ApplyOptions): Promise<MigrationPlan>;
}

const folder = join(packageRoot, 'infra', 'clickhouse', 'migrations');

/** What expires, by what. In a sharded topology the tables that hold the rows have `_local` at their ends. */
const expiring: Readonly<Record<string, string>> = {
  traffic: 'collectedAt',
  rejected: 'rejectedAt',
  // A day's last event was collected just before the next day.
  // A week of the index goes with its first day.
  traffic_index: 'week + 1',
  traffic_index_days: 'day + 1',
};
const boundedViews = ['traffic_retained', 'traffic_index_retained', 'traffic_holdable'];

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

/** @param options.topology what the tables are made as; who only plans need not say it */
export function createMigrations(
  database: Database,
  options: {
    readonly retention: RetentionPeriod;
    readonly migrations: readonly Migration[];
    readonly topology?: StoreTopology;
  },
): Migrations {
  const { retention, migrations, topology = { topology: 'single' } } = options;

  async function look() {
    const [applied, retentionChanges] = [await appliedMigrations(database), await retentionOfTables()];
    return {
      applied,
      pending: migrations.slice(applied.length),
      retentionChanges: retentionChanges.filter(({ months }) => months !== retention.months),
    };
  }

  async function review() {
    const { applied, pending, retentionChanges } = await look();
    const installation = { topology, retention, ...(await whereAndWho(database)) };
    const steps = pending.map(({ name, sql }) => ({ name, statements: statementsOf(sql, installation) }));
    return {
      applied,
      pending: pending.map(({ name }) => name),
      retentionChanges,
      installation,
      steps,
      retentionStatements: retentionStatements(retentionChanges, applied.length, installation),
      dangers: [
        ...recordDangers(applied, migrations),
        ...retentionDangers(retentionChanges, retention),
        ...steps.flatMap(({ name, statements }) => statementDangers(name, statements)),
      ],
    };
  }

  /**
   * What a longer period would bring back is deleted first. What is shown shrinks before what is kept. The
   * views are made again as the last applied migration has each.
   */
  function retentionStatements(
    changes: readonly RetentionChange[],
    appliedCount: number,
    installation: Installation,
  ): string[] {
    if (changes.length === 0) return [];
    const views = new Map(
      migrations
        .slice(0, appliedCount)
        .flatMap(({ sql }) => statementsOf(sql, installation))
        .flatMap((statement) => {
          const name = /^CREATE OR REPLACE VIEW (\S+)/.exec(statement)?.[1];
          return name === undefined ? [] : [[name, statement] as const];
        }),
    );
    const ttls = changes.flatMap(({ table }) => {
      const column = expiring[table.replace(/_local$/, '')];
      return column === undefined ? [] : [retentionStatement(installation, table, column)];
    });
    const revivable = changes.flatMap((change) => {
      const column = expiring[change.table.replace(/_local$/, '')];
      const lengthens = change.months !== 0 && change.months < installation.retention.months;
      return column !== undefined && lengthens ? [expiredStatement(installation, change, column)] : [];
    });
    return [...revivable, ...views.values(), ...ttls];
  }

  async function retentionOfTables(): Promise<RetentionChange[]> {
    const names = [...Object.keys(expiring), ...boundedViews].flatMap((name) => [name, `${name}_local`]);
    // An ordinary table says its period in its TTL, the view in its condition; a Distributed table has none.
    const rows = await select(
      database,
      `SELECT name, toUInt16OrZero(if(engine = 'View',
  extract(create_table_query, 'addMonths\\\\([^(),]+, (\\\\d+)\\\\)'),
  extract(create_table_query, 'TTL .*toIntervalMonth\\\\((\\\\d+)\\\\)'))) AS months
FROM system.tables WHERE database = currentDatabase() AND engine != 'Distributed'
  AND name IN ('${names.join("', '")}') ORDER BY name`,
    );
    return rows.map((row) => {
      const { name, months } = z.object({ name: z.string(), months: z.coerce.number() }).parse(row);
      return { table: name, months };
    });
  }

  return {
    async plan() {
      const { applied, pending, retentionChanges } = await look();
      const [first] = recordDangers(applied, migrations);
      if (first !== undefined) throw new StoreError('store.migrations_differ', first.sentence);
      return { pending: pending.map(({ name }) => name), retentionChanges };
    },

    async review() {
      const { pending, retentionChanges, steps, retentionStatements: changing, dangers } = await review();
      const statements = [...steps.flatMap((step) => step.statements), ...changing];
      return { pending, retentionChanges, statements, dangers };
    },

    async apply({ allow = [] } = {}) {
      const todo = await review();
      const refused = todo.dangers.find(({ name }) => !allow.includes(name));
      if (refused !== undefined) {
        const { record: isRecord, name, sentence } = refused;
        throw isRecord
          ? new StoreError('store.migrations_differ', sentence)
          : new StoreError(
              'store.change_not_allowed',
              `${sentence}. If that is meant, stop the service and run: griffie migrate apply --allow ${name}`,
            );
      }
      await database.command(recordStatement(todo.installation));
      for (const { name, statements } of todo.steps) {
        for (const statement of statements) await database.command(statement);
        await record(migrations.findIndex((migration) => migration.name === name));
      }
      for (const [index, { name, sha256 }] of todo.applied.entries()) {
        const migration = migrations[index];
        if (migration && (migration.name !== name || migration.sha256 !== sha256)) await record(index);
      }
      for (const statement of todo.retentionStatements) await database.command(statement);
      return { pending: todo.pending, retentionChanges: todo.retentionChanges };
    },
  };

  /** A repeated record does no harm: the last one of a number counts. */
  async function record(index: number): Promise<void> {
    const migration = migrations[index];
    if (migration === undefined) return;
    const { name, sha256 } = migration;
    const row = JSON.stringify({ number: index + 1, name, sha256 });
    await database.insert('griffie_migrations', ['number', 'name', 'sha256'], [row], randomUUID());
  }
}

const appliedRow = z.object({ number: z.coerce.number(), name: z.string(), sha256: z.string() });

async function appliedMigrations(database: Database): Promise<Applied[]> {
  const there = await select(
    database,
    `SELECT name FROM system.tables WHERE database = currentDatabase() AND name = 'griffie_migrations'`,
  );
  if (there.length === 0) return [];
  const rows = await select(
    database,
    `SELECT number, argMax(name, recordedAt) AS name, argMax(sha256, recordedAt) AS sha256
FROM griffie_migrations GROUP BY number ORDER BY number`,
  );
  const applied = rows.map((row) => appliedRow.parse(row));
  const gap = applied.findIndex(({ number }, index) => number !== index + 1);
  if (gap === -1) return applied;
  throw new StoreError(
    'store.migrations_differ',
    `The record of applied migrations has no number ${gap + 1}`,
  );
}

async function whereAndWho(database: Database): Promise<{ database: string; definer: string }> {
  const [row] = await select(database, 'SELECT currentDatabase() AS database, currentUser() AS definer');
  return z.object({ database: nameSchema, definer: z.string() }).parse(row);
}

async function select(database: Database, text: string): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const rows of database.rows({ text, parameters: {} })) found.push(...rows);
  return found;
}

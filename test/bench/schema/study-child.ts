import { mkdir } from 'node:fs/promises';
import { loadMigrations } from '#shared/store';
import { eventColumns } from '../generate/events.ts';
import { fillTable } from '../generate/fill.ts';
import { openStudyEngine, type StudyEngine } from './engine.ts';
import { lookupKinds, timeLookups } from './lookups.ts';
import { source, sourceStatements, sourceTable, type Variant, variants } from './variants.ts';

/*
 * Fills and measures one variant, in a process of its own: `study-child FOLDER VARIANT EVENTS DAYS VALUES`. The
 * first call, for the source that the variants are filled from, measures nothing. The values that are looked
 * up are found in the source and in the variant `minutes`, which therefore comes next.
 */

export interface StudyReport {
  readonly events: number;
  readonly bytesPerEvent: number;
  readonly bytes: Readonly<Record<string, number>>;
  /** Of the process while it copied the events from `plain`, merges until then included. */
  readonly insertCpuSeconds: number;
  readonly lookups: readonly {
    readonly name: string;
    readonly ms: readonly number[];
    readonly rows: readonly number[];
  }[];
}

const [folder = '', name = '', ...numbers] = process.argv.slice(2);
const [events = 0, days = 1, values = 1] = numbers.map(Number);
await mkdir(folder, { recursive: true });
const engine = await openStudyEngine(folder);
const variant = variants.find((one) => one.name === name);
if (variant !== undefined) {
  const insertCpuSeconds = await once(variant.name, () => copy(engine, variant));
  const lookups = measure(engine, variant, values);
  const report: StudyReport = { ...sizeOf(engine, variant), insertCpuSeconds, lookups };
  process.stdout.write(`${JSON.stringify(report)}\n`);
} else {
  await once(source, () => generate(engine));
  process.stdout.write('{}\n');
}
engine.close();

/** Fills a database unless an earlier run did, until its parts are merged; gives the processor time. */
async function once(database: string, work: () => Promise<void>): Promise<number> {
  const done = engine.rows<{ n: string }>(
    `SELECT count() AS n FROM system.databases WHERE name = '${database}_done'`,
  );
  if (Number(done[0]?.n) === 1) return 0;
  engine.run(`DROP DATABASE IF EXISTS ${database} SYNC`);
  const before = process.cpuUsage();
  await work();
  const used = process.cpuUsage(before);
  for (const { table } of tablesOf(engine, database)) {
    engine.run(`OPTIMIZE TABLE ${database}.${table} FINAL SETTINGS optimize_skip_merged_partitions = 1`);
  }
  engine.run(`CREATE DATABASE ${database}_done`);
  return (used.user + used.system) / 1e6;
}

async function generate(into: StudyEngine): Promise<void> {
  for (const statement of sourceStatements(await loadMigrations())) into.run(statement);
  const plan = { events, days, start: Date.UTC(2026, 0, 1), seed: 1 };
  const command = async (statement: string): Promise<void> => into.run(statement);
  await fillTable({ command }, `${source}.traffic`, plan);
}

async function copy(into: StudyEngine, variant: Variant): Promise<void> {
  for (const statement of variant.statements(await loadMigrations())) into.run(statement);
  const kept: Readonly<Record<string, string>> = {
    eventIdHex: 'lower(hex(eventId))',
    originHostIp: 'if(originHostIsSender, senderIp, originHostIpApart)',
  };
  const columns = eventColumns.join(', ');
  const selected = eventColumns.map((column) => kept[column] ?? column).join(', ');
  const days = into.rows<{ id: string }>(
    `SELECT DISTINCT partition_id AS id FROM system.parts WHERE database = '${source}' AND table = 'traffic' AND active ORDER BY id`,
  );
  for (const { id } of days) {
    into.run(
      `INSERT INTO ${variant.name}.${sourceTable(variant)} (${columns}) SELECT ${selected} FROM ${source}.traffic
WHERE _partition_id = '${id}' SETTINGS max_insert_threads = 1, max_threads = 1`,
    );
  }
}

function tablesOf(of: StudyEngine, database: string): { table: string; bytes: number; rows: number }[] {
  return of
    .rows<{ table: string; bytes: string; rows: string }>(
      `SELECT table, sum(bytes_on_disk) AS bytes, sum(rows) AS rows FROM system.parts WHERE database = '${database}' AND active GROUP BY table`,
    )
    .map(({ table, bytes, rows }) => ({ table, bytes: Number(bytes), rows: Number(rows) }));
}

function sizeOf(of: StudyEngine, { name: database }: Variant) {
  const tables = tablesOf(of, database);
  const stored = tables.find(({ table }) => table === 'traffic')?.rows ?? 0;
  const bytes = Object.fromEntries(tables.map((table) => [table.table, table.bytes / stored]));
  return { events: stored, bytes, bytesPerEvent: Object.values(bytes).reduce((sum, one) => sum + one, 0) };
}

function measure(of: StudyEngine, measured: Variant, wanted: number): StudyReport['lookups'] {
  const tables = { traffic: `${source}.traffic`, index: 'minutes.traffic_index' };
  // One more than is counted: the first query of a kind pays for what is no lookup.
  const kinds = lookupKinds(of, tables, { rare: wanted + 1, frequent: 4 });
  return kinds.map(({ name: kind, scopes }) => {
    timeLookups(of, measured, scopes.slice(-1));
    return { name: kind, ...timeLookups(of, measured, scopes.slice(0, -1)) };
  });
}

import { mkdir } from 'node:fs/promises';
import { loadMigrations } from '#shared/store';
import { eventColumns } from '../generate/events.ts';
import { fillTable } from '../generate/fill.ts';
import { openStudyEngine, type StudyEngine } from './engine.ts';
import { type LookupKind, lookupKinds, timeLookups } from './lookups.ts';
import { sourceTable, type Variant, variants } from './variants.ts';

/*
 * Fills and measures one variant, in a process of its own: `study-child FOLDER VARIANT EVENTS RARE`. The
 * folder has the variant `plain` and the values that are looked up, which are the same for all.
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

const [folder = '', name = '', events = '', rare = '20'] = process.argv.slice(2);
const variant = variants.find((one) => one.name === name);
if (variant === undefined) throw new Error(`there is no variant ${name}`);
await mkdir(folder, { recursive: true });
const engine = await openStudyEngine(folder);
const insertCpuSeconds = await fill(engine, variant, Number(events));
const report = {
  ...sizeOf(engine, variant),
  insertCpuSeconds,
  lookups: measure(engine, variant, Number(rare)),
};
engine.close();
process.stdout.write(`${JSON.stringify(report)}\n`);

async function fill(
  into: StudyEngine,
  { name: database, statements }: Variant,
  wanted: number,
): Promise<number> {
  const done = into.rows<{ n: number }>(
    `SELECT count() AS n FROM system.databases WHERE name = '${database}_done'`,
  );
  if (Number(done[0]?.n) === 1) return 0;
  into.run(`DROP DATABASE IF EXISTS ${database} SYNC`);
  for (const statement of statements(await loadMigrations())) into.run(statement);
  const before = process.cpuUsage();
  if (database === 'plain') {
    const plan = { events: wanted, days: 184, start: Date.UTC(2026, 0, 1), seed: 1 };
    const command = async (statement: string): Promise<void> => into.run(statement);
    await fillTable({ command }, 'plain.traffic', plan, {
      progress: (what) => process.stderr.write(`${what}\n`),
    });
  } else {
    const columns = eventColumns.join(', ');
    const kept: Readonly<Record<string, string>> = {
      eventIdHex: 'lower(hex(eventId))',
      originHostIp: 'if(originHostIsSender, senderIp, originHostIpApart)',
    };
    const selected = eventColumns.map((column) => kept[column] ?? column).join(', ');
    for (const { id } of into.rows<{ id: string }>(
      "SELECT DISTINCT partition_id AS id FROM system.parts WHERE database = 'plain' AND table = 'traffic' AND active ORDER BY id",
    )) {
      into.run(
        `INSERT INTO ${database}.${sourceTable(variant as Variant)} (${columns}) SELECT ${selected} FROM plain.traffic WHERE _partition_id = '${id}' SETTINGS max_insert_threads = 1, max_threads = 1`,
      );
    }
  }
  const used = process.cpuUsage(before);
  for (const { table } of tablesOf(into, database))
    into.run(`OPTIMIZE TABLE ${database}.${table} FINAL SETTINGS optimize_skip_merged_partitions = 1`);
  into.run(`CREATE DATABASE ${database}_done`);
  return (used.user + used.system) / 1e6;
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

function measure(of: StudyEngine, measured: Variant, wanted: number) {
  // Only `minutes` can say who is rare; it comes second, and writes down whom the others look up.
  if (measured.name === 'plain' && tablesOf(of, 'minutes').length === 0) return [];
  const kinds: LookupKind[] = lookupKinds(
    of,
    { traffic: 'plain.traffic', index: 'minutes.traffic_index' },
    { rare: wanted, frequent: 3 },
  );
  for (const { scopes } of kinds) timeLookups(of, measured, { name: '', scopes: scopes.slice(-1) });
  return kinds.map((kind) => ({
    name: kind.name,
    ...timeLookups(of, measured, { ...kind, scopes: kind.scopes.slice(0, -1) }),
  }));
}

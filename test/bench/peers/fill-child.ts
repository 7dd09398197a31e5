import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { targetFields } from '#shared/orders';
import { createMigrations, defaultRetention, loadMigrations, openEmbeddedDatabase } from '#shared/store';
import { fillTable } from '../generate/fill.ts';
import { logOf } from '../generate/lines.ts';
import type { Kept, Wanted } from './found.ts';
import { bytesOf, type Column, fillFromStaging, makeTables, plainTable, rowsOf } from './tables.ts';

/*
 * Child process of the benchmark: makes traffic of the days up to today and keeps it in two tables of the
 * embedded engine, as lines of text for PostgreSQL, and as the log files that it came from, one a day. Prints
 * what it took as one JSON line. Arguments: folder, number of events, of days, of addresses of each kind.
 */

export interface FillReport {
  readonly events: number;
  readonly columns: readonly Column[];
  readonly griffie: Kept;
  readonly plain: Kept;
  readonly wanted: Wanted;
}

const [folder = '', ...numbers] = process.argv.slice(2);
const [events = 0, days = 1, addresses = 1] = numbers.map(Number);
const dayMs = 86_400_000;
const plan = { events, days, start: (Math.floor(Date.now() / dayMs) - days) * dayMs, seed: 1 };

const database = await openEmbeddedDatabase({ folder: join(folder, 'engine') });
const migrations = await loadMigrations();
await createMigrations(database, { retention: defaultRetention, migrations }).apply();
const columns = await makeTables(database);
// Nothing is measured yet: both at once.
await Promise.all([fillTable(database, 'staging', plan), writeLogs(join(folder, 'logs'))]);

const keep = async (tables: readonly string[]): Promise<Kept> => {
  const loadSeconds = await fillFromStaging(database, tables, columns);
  return { loadSeconds, bytes: await bytesOf(database, tables) };
};
const griffie = await keep(['traffic', 'traffic_index', 'traffic_index_days']);
const plain = await keep([plainTable]);
await writeRows(join(folder, 'events.tsv'));
const report: FillReport = {
  events: await countOf('traffic'),
  ...{ columns, griffie, plain },
  wanted: await choose(addresses),
};
if ((await countOf('staging')) !== report.events) throw new Error('the table does not hold all events');
await database.command('DROP TABLE staging SYNC');
await database.close();
process.stdout.write(`${JSON.stringify(report)}\n`);

async function writeRows(path: string): Promise<void> {
  await database.command(
    `INSERT INTO FUNCTION file('${path}', 'TSV')
     SELECT ${columns.map(({ name }) => (name === 'eventId' ? 'lower(hex(eventId))' : name)).join(', ')}
     FROM staging ORDER BY occurredAt
     SETTINGS format_tsv_null_representation = ''`,
  );
}

/** A chunk goes to the file of the day on which it begins, as logrotate cuts. */
async function writeLogs(into: string): Promise<void> {
  await mkdir(into);
  for await (const chunk of logOf(database, plan)) {
    if (chunk !== '') await appendFile(join(into, `mail.log-${chunk.slice(0, 10)}`), chunk);
  }
}

async function countOf(table: string): Promise<number> {
  const [row] = await rowsOf<{ n: number }>(database, `SELECT toUInt32(count()) AS n FROM ${table}`);
  return row?.n ?? 0;
}

/** By what a lookup of an address looks at: an event counts once, in however many fields the address is. */
async function choose(count: number): Promise<Wanted> {
  const fields = targetFields.address.map((field) => `lower(${field})`).join(', ');
  const select = async (rest: string, limit: number): Promise<string[]> => {
    const rows = await rowsOf<{ address: string }>(
      database,
      `SELECT arrayJoin(arrayDistinct([${fields}])) AS address FROM staging
       WHERE address LIKE '%@%' GROUP BY address ${rest} LIMIT ${limit}`,
    );
    return rows.map(({ address }) => address);
  };
  const rare = await select('HAVING count() BETWEEN 1 AND 5 ORDER BY sipHash64(address)', 2 * count);
  return {
    ...{ rare: rare.slice(0, count), running: rare.slice(count) },
    frequent: await select('ORDER BY count() DESC, address', count),
  };
}

import { targetFields } from '#shared/orders';
import { createTrafficStore, defaultRetention, openEmbeddedDatabase } from '#shared/store';
import { categoryIds } from '#shared/traffic';
import { eventFromRow, selectList } from '../../../shared/store/columns.ts';
import { evict } from './cold.ts';
import { type Found, type Lookups, lookUpAll, type Wanted } from './found.ts';
import { plainTable } from './tables.ts';

/*
 * Child process of the benchmark: looks addresses up in Griffie's table and in the plain one, to the last
 * event. Prints one JSON line. Arguments: folder of the engine, addresses as JSON.
 */

export interface EngineReport {
  readonly griffie: Lookups;
  readonly plain: Lookups;
}

/** Caches of the engine in which one lookup could find what another has read. */
const caches = [
  'MARK CACHE',
  'UNCOMPRESSED CACHE',
  'INDEX MARK CACHE',
  'INDEX UNCOMPRESSED CACHE',
  'PRIMARY INDEX CACHE',
  'QUERY CONDITION CACHE',
];

const [folder = '', wantedText = ''] = process.argv.slice(2);
const wanted = JSON.parse(wantedText) as Wanted;
const database = await openEmbeddedDatabase({ folder });
const store = createTrafficStore(database, { retention: defaultRetention });
/** Before all data, and after. */
const [from, to] = ['2000-01-01T00:00:00.000Z', '2100-01-01T00:00:00.000Z'];

/** As a disclosure does: by the one query builder, every event parsed. */
function readGriffie(value: string): AsyncIterable<readonly unknown[]> {
  const now = Date.now();
  const targets = [{ kind: 'address' as const, value }];
  const collectedUpTo = new Date(now).toISOString();
  return store.readScope({ targets, from, to, categories: categoryIds, collectedUpTo }, { now });
}

async function* readPlain(value: string): AsyncGenerator<readonly unknown[]> {
  const anyOf = targetFields.address.map((field) => `lower(t.${field}) = {address:String}`);
  const text = `SELECT ${selectList} FROM ${plainTable} AS t WHERE ${anyOf.join(' OR ')} ORDER BY t.occurredAt, t.eventId`;
  for await (const rows of database.rows({ text, parameters: { address: value } })) {
    yield rows.map(eventFromRow);
  }
}

async function measure(read: (address: string) => AsyncIterable<readonly unknown[]>): Promise<Lookups> {
  const lookUp = async (address: string, cold: boolean): Promise<Found> => {
    if (cold) {
      for (const cache of caches) await database.command(`SYSTEM DROP ${cache}`);
      evict(folder);
    }
    const started = performance.now();
    let count = 0;
    for await (const events of read(address)) count += events.length;
    return { ms: performance.now() - started, count };
  };
  // The first query of a process pays for what has nothing to do with the data.
  await lookUp('nobody@nowhere.example', false);
  return lookUpAll(wanted, lookUp);
}

const report: EngineReport = { griffie: await measure(readGriffie), plain: await measure(readPlain) };
await database.close();
process.stdout.write(`${JSON.stringify(report)}\n`);

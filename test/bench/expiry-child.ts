import {
  createMigrations,
  createPartitions,
  createTrafficStore,
  dayOf,
  defaultRetention,
  expiringTables,
  loadMigrations,
  openEmbeddedDatabase,
} from '#shared/store';
import { categoryIds, eventIdFor, type TrafficEvent } from '#shared/traffic';
import { fillTable } from './generate/fill.ts';
import { untilMerged } from './merges.ts';

/*
 * Child process of the benchmark: inserts and lookups in turn, first at rest, then while days are dropped one
 * after another. Prints its times as one JSON line.
 * Arguments: an empty folder, number of expired days, events of a day.
 */

const [folder = '', ...numbers] = process.argv.slice(2);
const [days = 0, perDay = 0] = numbers.map(Number);
const dayMs = 86_400_000;
/** Turns of an insert and a lookup at rest. */
const turns = Math.min(200, days * 5);

const database = await openEmbeddedDatabase({ folder });
const retention = defaultRetention;
await createMigrations(database, { retention, migrations: await loadMigrations() }).apply();
const store = createTrafficStore(database, { retention });
const partitions = createPartitions(database, { database: 'default' });
// As the service does: the engine's own deletion would take the days before they are looked at.
await partitions.holdEngineExpiry();

const midnight = Math.floor(Date.now() / dayMs) * dayMs;
const plan = { events: days * perDay, days, seed: 7 };
await fillTable(database, 'traffic', { ...plan, start: midnight - 300 * dayMs });
await fillTable(database, 'traffic', { ...plan, start: midnight - days * dayMs });
const before = dayOf(midnight - 200 * dayMs);
const expired = (await partitions.list()).filter(({ day }) => day < before);

await untilMerged(database);

interface Times {
  readonly insertMs: number[];
  readonly lookupMs: number[];
}

async function timed(into: number[], what: () => Promise<unknown>): Promise<void> {
  const started = performance.now();
  await what();
  into.push(performance.now() - started);
}

let made = 0;
async function work(isOver: (turn: number) => boolean): Promise<Times> {
  const times: Times = { insertMs: [], lookupMs: [] };
  for (let turn = 0; !isOver(turn); turn++) {
    const events = Array.from({ length: 500 }, () => delivery(++made));
    await timed(times.insertMs, () => store.insertEvents(events, { deduplicationToken: `turn-${made}` }));
    const scope = scopeOf(`user${made % 7000}@example.nl`);
    await timed(times.lookupMs, () => store.countScope(scope, { now: Date.now() }));
  }
  return times;
}

const alone = await work((turn) => turn === turns);
const dropMs: number[] = [];
let isDone = false;
const working = work(() => isDone);
for (const day of [...new Set(expired.map((one) => one.day))]) {
  await timed(dropMs, async () => {
    for (const table of expiringTables) await partitions.drop(table, day);
    await partitions.list();
  });
}
isDone = true;
const expiring = await working;
const rows = expired.filter(({ table, state }) => table === 'traffic' && state === 'active');
const rowsADay = rows.reduce((sum, { rows: n }) => sum + n, 0) / Math.max(1, rows.length);
await store.close();
process.stdout.write(`${JSON.stringify({ alone, expiring, dropMs, rowsADay })}\n`);

function scopeOf(value: string) {
  return {
    targets: [{ kind: 'address' as const, value }],
    from: new Date(midnight - 400 * dayMs).toISOString(),
    to: new Date(midnight + dayMs).toISOString(),
    categories: [...categoryIds],
    collectedUpTo: new Date(midnight + dayMs).toISOString(),
  };
}

function delivery(n: number): TrafficEvent {
  const at = new Date().toISOString();
  const sourcePosition = `0:${n * 180}`;
  return {
    schemaVersion: 1,
    eventId: eventIdFor('bench', sourcePosition, 0),
    type: 'message.delivered',
    occurredAt: at,
    collectedAt: at,
    host: 'mx1.example.nl',
    software: 'postfix',
    service: 'smtp',
    queueId: (0x17a000 + n).toString(16).toUpperCase(),
    senderAddress: `sender${n % 20_000}@example.org`,
    recipientAddress: `user${n % 7000}@example.nl`,
    outcome: 'sent',
    correlation: 'complete',
    sourceId: 'bench',
    sourcePosition,
  };
}

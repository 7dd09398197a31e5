import { join } from 'node:path';
import type { Scope } from '#shared/orders';
import {
  createHeldTraffic,
  createPartitions,
  createTrafficStore,
  defaultRetention,
  expiringTables,
  keyFolderOf,
  openEncryptedDatabase,
} from '#shared/store';
import { categoryIds, eventIdFor, type TrafficEvent } from '#shared/traffic';
import { addressOf } from './disclosure-sizes.ts';
import { untilMerged } from './merges.ts';

/*
 * Child process of the benchmark: has what an order keeps copied, and days removed, while it inserts and looks
 * up; prints its figures as one line of JSON. Arguments: a folder that `disclosure-fill` has filled, the number
 * of records that are held.
 */

const [folder = '', size = '0'] = process.argv.slice(2);
const now = Date.now();
const orderId = '01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e';
const removedDays = 10;
const { database } = await openEncryptedDatabase({
  folder: join(folder, 'engine'),
  keyFolder: keyFolderOf(folder),
  now,
});
const engine = { database: 'default', retention: defaultRetention };
const store = createTrafficStore(database, engine);
const held = createHeldTraffic(database, engine);
const partitions = createPartitions(database, engine);
const utc = (at: number): string => new Date(at).toISOString();
const scopeOf = (value: string): Scope => ({
  targets: [{ kind: 'address', value }],
  from: utc(now - 184 * 86_400_000),
  to: utc(now + 86_400_000),
  categories: categoryIds,
  collectedUpTo: utc(now),
});

type Latencies = { inserts: number[]; lookups: number[] };
const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const started = performance.now();
  await work();
  return performance.now() - started;
};
let made = 0;

/** Inserts and looks up, in turn, until it is told to stop. */
async function load(isOver: () => boolean): Promise<Latencies> {
  const found: Latencies = { inserts: [], lookups: [] };
  while (!isOver()) {
    const events = Array.from({ length: 500 }, () => delivery(++made));
    found.inserts.push(await timed(() => store.insertEvents(events, { deduplicationToken: `b-${made}` })));
    const scope = scopeOf(`user${(made * 97) % 7000}@example.nl`);
    found.lookups.push(await timed(() => store.countScope(scope, { now })));
  }
  return found;
}
async function during(work: () => Promise<unknown>): Promise<Latencies> {
  let isOver = false;
  const loading = load(() => isOver);
  await work();
  isOver = true;
  return loading;
}

await held.setTimes({ orderId, since: now, until: now + 86_400_000 });
const copy = (): Promise<void> =>
  held.copy({ orderId, since: now }, scopeOf(addressOf(Number(size))), { byIndex: true });

await untilMerged(database);
const alone = await during(() => new Promise((resolve) => setTimeout(resolve, 3000)));
const idleMb = process.memoryUsage.rss() / 1e6;
let peakMb = idleMb;
const watch = setInterval(() => {
  peakMb = Math.max(peakMb, process.memoryUsage.rss() / 1e6);
}, 50);
let copyMs = 0;
const copying = await during(async () => {
  copyMs = await timed(copy);
});
clearInterval(watch);
const [amount] = await held.list();
if (amount?.records !== Number(size)) throw new Error('not just what was to be held is there');
const againMs = await timed(copy);
const days = [...new Set((await partitions.list()).map(({ day }) => day))].slice(0, removedDays);
const expiring = await during(async () => {
  for (const day of days) for (const table of expiringTables) await partitions.drop(table, day);
});
const removeMs = await timed(() => held.drop(orderId));
// Files of parts that were merged before may be there for minutes; nothing of them can be read.
if ((await held.list()).some(({ records }) => records > 0)) throw new Error('what was held can be read');
await store.close();
const report = {
  copySeconds: copyMs / 1000,
  againSeconds: againMs / 1000,
  removeMs,
  memoryMb: peakMb - idleMb,
  days: days.length,
  inserts: { alone: alone.inserts, copying: copying.inserts, expiring: expiring.inserts },
  lookups: { alone: alone.lookups, copying: copying.lookups, expiring: expiring.lookups },
};
process.stdout.write(`${JSON.stringify(report)}\n`);

function delivery(n: number): TrafficEvent {
  const at = utc(now - (n % 1000));
  return {
    schemaVersion: 1,
    eventId: eventIdFor('bench-load', String(n), 0),
    type: 'message.delivered',
    occurredAt: at,
    collectedAt: at,
    host: 'mx1.example.nl',
    software: 'postfix',
    service: 'smtp',
    recipientAddress: `user${n % 7000}@example.nl`,
    outcome: 'sent',
    correlation: 'complete',
    sourceId: 'bench-load',
    sourcePosition: String(n),
  };
}

import { join } from 'node:path';
import {
  createMigrations,
  createTrafficStore,
  type DiskKeys,
  defaultRetention,
  loadMigrations,
  openEmbeddedDatabase,
  openEncryptedDatabase,
} from '#shared/store';
import { categoryIds, eventIdFor, type TrafficEvent } from '#shared/traffic';

/*
 * Child process of the benchmark: inserts events and looks addresses up, on a plain or on the encrypted disk.
 * Prints its figures as one JSON line. Arguments: an empty folder, `plain` or `encrypted`, number of events.
 */

const [folder = '', mode, count = '0'] = process.argv.slice(2);
const events = Number(count);
const batch = 5000;
const days = 20;
const lookups = 30;
const dayMs = 86_400_000;
const now = Date.now();

let diskKeys: DiskKeys | undefined;
const engine = { folder: join(folder, 'engine') };
async function open() {
  if (mode === 'plain') return openEmbeddedDatabase(engine);
  const opened = await openEncryptedDatabase({ ...engine, keyFolder: join(folder, 'keys'), now });
  diskKeys = opened.diskKeys;
  return opened.database;
}
const database = await open();
await createMigrations(database, { retention: defaultRetention, migrations: await loadMigrations() }).apply();
const store = createTrafficStore(database, { retention: defaultRetention });

const seconds = async (work: () => Promise<unknown>): Promise<number> => {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
};

const batches = Array.from({ length: events / batch }, (_, n) =>
  Array.from({ length: batch }, (_, i) => delivery(n * batch + i, n)),
);
const insertSeconds = await seconds(async () => {
  for (const [n, list] of batches.entries()) {
    await store.insertEvents(list, { deduplicationToken: `batch-${n}` });
  }
});
const lookupMs: number[] = [];
for (let n = 0; n < lookups; n++) {
  // Another address each time: nothing is remembered of it.
  lookupMs.push(1000 * (await seconds(() => lookUp(`user${n * 97}@example.nl`))));
}
const keys = diskKeys;
const changeMs = keys
  ? 1000 * (await seconds(() => keys.change({ now: now + 1000, create: true, destroy: [] })))
  : 0;
const lookMs = keys ? 1000 * (await seconds(() => keys.look())) : 0;
const files = keys ? (await keys.look()).files : 0;
await store.close();
process.stdout.write(`${JSON.stringify({ insertSeconds, lookupMs, changeMs, lookMs, files })}\n`);

async function lookUp(address: string): Promise<void> {
  const scope = {
    targets: [{ kind: 'address' as const, value: address }],
    from: new Date(now - 60 * dayMs).toISOString(),
    to: new Date(now + dayMs).toISOString(),
    categories: categoryIds,
    collectedUpTo: new Date(now + dayMs).toISOString(),
  };
  let found = 0;
  for await (const group of store.readScope(scope, { now })) found += group.length;
  if (found === 0) throw new Error('nothing was found');
}

function delivery(n: number, inBatch: number): TrafficEvent {
  const at = new Date(now - (inBatch % days) * dayMs - (n % 80_000)).toISOString();
  return {
    schemaVersion: 1,
    eventId: eventIdFor('bench', String(n), 0),
    type: 'message.delivered',
    occurredAt: at,
    collectedAt: at,
    host: 'mx1.example.nl',
    software: 'postfix',
    service: 'smtp',
    queueId: (0x17a000 + n).toString(16).toUpperCase(),
    messageId: `${n}.20261122170340@mail.example${n % 900}.net`,
    senderAddress: `sender.${n % 20_000}@example${n % 900}.net`,
    originHostIp: `198.51.${100 + (n % 100)}.${1 + (n % 250)}`,
    recipientAddress: `user${n % 7000}@example.nl`,
    outcome: 'sent',
    dsn: '2.0.0',
    replyCode: 250,
    correlation: 'complete',
    sourceId: 'bench',
    sourcePosition: `0:${n}`,
  };
}

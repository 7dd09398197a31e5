import { createIngester } from '#services/ingester';
import { createEmbeddedBus, topics } from '#shared/bus';
import { silentLogger, systemClock, utc } from '#shared/runtime';
import {
  createMigrations,
  createTrafficStore,
  defaultRetention,
  loadMigrations,
  openEmbeddedDatabase,
} from '#shared/store';
import { eventIdFor, type TrafficEvent } from '#shared/traffic';

/*
 * Child process of the benchmark: events through the embedded bus and the ingester into chDB, each
 * publication acknowledged after its insert. Prints its times as one JSON line.
 * Arguments: an empty folder, number of events, events in a publication, publications at a time.
 */

const [folder = '', ...numbers] = process.argv.slice(2);
const [total = 0, perPublication = 1, atATime = 1] = numbers.map(Number);
const collectedAt = utc(systemClock.now());

const retention = defaultRetention;
const database = await openEmbeddedDatabase({ folder });
await createMigrations(database, { retention, migrations: await loadMigrations() }).apply();
const store = createTrafficStore(database, { retention });
const bus = createEmbeddedBus();
const ingester = createIngester({ bus, store, clock: systemClock, logger: silentLogger });
await ingester.start();

let made = 0;
function nextRecords() {
  const count = Math.min(perPublication, total - made);
  return Array.from({ length: count }, () => {
    const event = delivery(made++);
    return { key: `${event.host}|${event.queueId}`, value: Buffer.from(JSON.stringify(event)) };
  });
}

async function publishAll(): Promise<void> {
  for (let records = nextRecords(); records.length > 0; records = nextRecords()) {
    await bus.publish(topics.traffic, records);
  }
}

const cpuBefore = process.cpuUsage();
const started = process.hrtime.bigint();
await Promise.all(Array.from({ length: atATime }, publishAll));
const seconds = Number(process.hrtime.bigint() - started) / 1e9;
const cpu = process.cpuUsage(cpuBefore);
const { inserted } = ingester.stats();
await bus.close();
await store.close();

const report = {
  inserted,
  seconds,
  cpuSeconds: (cpu.user + cpu.system) / 1e6,
  peakRssBytes: process.resourceUsage().maxRSS * 1024,
};
process.stdout.write(`${JSON.stringify(report)}\n`);

/** A delivery as a mail exchanger logs it, all categories that it has filled. */
function delivery(n: number): TrafficEvent {
  const position = `0:${n * 180}`;
  return {
    schemaVersion: 1,
    eventId: eventIdFor('bench', position, 0),
    type: 'message.delivered',
    occurredAt: collectedAt,
    collectedAt,
    host: 'mx1.example.nl',
    software: 'postfix',
    service: 'smtp',
    protocol: 'lmtp',
    queueId: (0x17a000 + n).toString(16).toUpperCase(),
    messageId: `${n}.20261122170340@mail.example${n % 900}.net`,
    sizeOctets: 2000 + (n % 90_000),
    recipientCount: 1,
    senderIp: `198.51.${100 + (n % 100)}.${1 + (n % 250)}`,
    senderAddress: `sender.${n % 20_000}@example${n % 900}.net`,
    originHostIp: `198.51.${100 + (n % 100)}.${1 + (n % 250)}`,
    originHostName: `mail${n % 5000}.example${n % 900}.net`,
    recipientAddress: `user${n % 7000}@example.nl`,
    deliveryHostName: 'mx1.example.nl',
    outcome: 'sent',
    dsn: '2.0.0',
    replyCode: 250,
    correlation: 'complete',
    sourceId: 'bench',
    sourcePosition: position,
  };
}

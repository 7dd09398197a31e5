import { setTimeout as sleep } from 'node:timers/promises';
import { clusterBatchBounds, createIngester } from '#services/ingester';
import { createKafkaBus, type KafkaConfigInput, kafkaConfigSchema } from '#shared/bus';
import { silentLogger, systemClock } from '#shared/runtime';
import {
  createMigrations,
  createTrafficStore,
  type Database,
  defaultRetention,
  loadMigrations,
  openEmbeddedDatabase,
} from '#shared/store';
import { consumeWithEngine } from './kafka-engine.ts';
import { openLook } from './kafka-look.ts';
import { insertFromFile } from './kafka-memory.ts';

/*
 * Child process of the benchmark: reads a topic into the table `traffic` of an embedded engine, by one of
 * three ways, and prints what it took as one JSON line.
 * Arguments: way, an empty folder, number of events, the Kafka configuration as JSON, a file of events.
 */

const [way = '', folder = '', total = '0', configText = '{}', sample = ''] = process.argv.slice(2);
const events = Number(total);
const input = JSON.parse(configText) as KafkaConfigInput;
const config = kafkaConfigSchema.parse({ ...input, consumerGroup: `bench-${way}-${process.pid}` });

const database = await openEmbeddedDatabase({ folder });
const retention = defaultRetention;
await createMigrations(database, { retention, migrations: await loadMigrations() }).apply();

const ways: Record<string, (database: Database) => Promise<() => Promise<void>>> = {
  async griffie() {
    const bus = await createKafkaBus(config, { logger: silentLogger });
    const store = createTrafficStore(database, { retention });
    await createIngester({
      bus,
      store,
      clock: systemClock,
      logger: silentLogger,
      bounds: clusterBatchBounds,
    }).start();
    return () => bus.close();
  },
  engine: () => consumeWithEngine(database, config),
  async memory() {
    await insertFromFile(database, sample, events);
    return async () => {};
  },
};

const engine = await openLook(folder);

async function only<Row>(query: string): Promise<Row> {
  const [row] = await engine.rows<Row>(query);
  if (row === undefined) throw new Error('the query gave no row');
  return row;
}

/** When how many rows were there, and what had been spent by then. */
interface Reading {
  readonly at: number;
  readonly rows: number;
  readonly cpuSeconds: number;
}

async function read(): Promise<Reading> {
  const { n } = await only<{ n: number }>('SELECT toUInt32(count()) AS n FROM traffic');
  const { user, system } = process.cpuUsage();
  return { at: performance.now() / 1000, rows: n, cpuSeconds: (user + system) / 1e6 };
}

const start = ways[way];
if (start === undefined) throw new Error(`no such way: ${way}`);
const stop = await start(database);

// From the first rows seen to nine tenths: neither joining the group nor the last, half-full block counts.
let none = await read();
let first: Reading | undefined;
let last: Reading | undefined;
for (let reading = none; reading.rows < events; reading = await read()) {
  if (reading.rows > 0) first ??= reading;
  else none = reading;
  if (reading.rows >= events * 0.9) last ??= reading;
  await sleep(100);
}
const end = await read();
last ??= end;
// A few rows may all come between two readings.
if (first === undefined || first.at >= last.at) first = none;
const rows = last.rows - first.rows;
const { checksum } = await only<{ checksum: string }>(
  'SELECT hex(sum(cityHash64(toString(tuple(*))))) AS checksum FROM traffic_retained',
);
const { parts } = await only<{ parts: number }>(
  "SELECT toUInt32(count()) AS parts FROM system.parts WHERE table = 'traffic'",
);
engine.close();
await stop();
await database.close();

const report = {
  rows: end.rows,
  checksum,
  parts,
  seconds: last.at - first.at,
  measured: rows,
  cpuSeconds: last.cpuSeconds - first.cpuSeconds,
  peakRssBytes: process.resourceUsage().maxRSS * 1024,
};
process.stdout.write(`${JSON.stringify(report)}\n`);

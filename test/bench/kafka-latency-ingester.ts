import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { clusterBatchBounds, createIngester } from '#services/ingester';
import { createKafkaBus, type KafkaConfigInput, kafkaConfigSchema } from '#shared/bus';
import { silentLogger, systemClock } from '#shared/runtime';
import {
  createMigrations,
  createTrafficStore,
  defaultRetention,
  loadMigrations,
  openEmbeddedDatabase,
} from '#shared/store';
import { probePrefix } from './kafka-latency-log.ts';
import { openLook } from './kafka-look.ts';

/*
 * Child process of the benchmark: an ingester with the embedded engine, which is asked for probes after every
 * insert, until it saw as many as it is told on standard input, and prints when it first saw each.
 * Arguments: an empty folder, the Kafka configuration as JSON.
 */

/** Between two looks, so that a look may serve several inserts. */
const lookEveryMs = 10;
/** How far back a look goes, seconds: rows are in the order of time, so that it reads little. */
const lookBack = 10;
/** One look in so many goes all the way back, for probes that are later than that. */
const longLookEvery = 25;

/** How long probes that are late are waited for, once the last was written. */
const patienceMs = 60_000;

const [folder = '', configText = '{}'] = process.argv.slice(2);
const config = kafkaConfigSchema.parse(JSON.parse(configText) as KafkaConfigInput);
const retention = defaultRetention;
const database = await openEmbeddedDatabase({ folder });
await createMigrations(database, { retention, migrations: await loadMigrations() }).apply();
const store = createTrafficStore(database, { retention });
const bus = await createKafkaBus(config, { logger: silentLogger });
let inserts = 0;
const ingester = createIngester({
  bus,
  store: {
    ...store,
    async insertEvents(events, options) {
      await store.insertEvents(events, options);
      inserts += 1;
    },
  },
  clock: systemClock,
  logger: silentLogger,
  bounds: clusterBatchBounds,
});
await ingester.start();
process.stdout.write('ready\n');

/** Probes and events that were written; known once nothing more is. */
let expected: { readonly probes: number; readonly events: number } | undefined;
let giveUpAt = Number.POSITIVE_INFINITY;
void text(process.stdin).then((json) => {
  expected = JSON.parse(json);
  giveUpAt = Date.now() + patienceMs;
});
const allSeen = (): boolean =>
  expected !== undefined && seen.size >= expected.probes && ingester.stats().inserted >= expected.events;

const engine = await openLook(folder);
const seen = new Map<string, number>();
/** How long looks took, milliseconds. */
const looks: number[] = [];

async function look(): Promise<void> {
  const since = looks.length % longLookEvery === 0 ? 3600 : lookBack;
  const query = `SELECT recipientAddress AS probe FROM traffic
    WHERE occurredAt > now64(3) - ${since} AND startsWith(recipientAddress, '${probePrefix}')`;
  const began = Date.now();
  const found = await engine.rows<{ probe: string }>(query);
  const at = Date.now();
  for (const { probe } of found) if (!seen.has(probe)) seen.set(probe, at);
  looks.push(at - began);
}

let looked = 0;
while (!allSeen() && Date.now() < giveUpAt) {
  await sleep(lookEveryMs);
  // Nothing becomes readable but by an insert.
  if (inserts === looked && expected === undefined) continue;
  looked = inserts;
  await look();
}
await bus.close();
engine.close();
const { userCPUTime, systemCPUTime } = process.resourceUsage();
const { inserted, batches } = ingester.stats();
await store.close();
looks.sort((a, b) => a - b);
const report = {
  seen: [...seen],
  inserted,
  batches,
  medianLookMs: looks[Math.floor(looks.length / 2)] ?? 0,
  cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
};
process.stdout.write(`${JSON.stringify(report)}\n`);

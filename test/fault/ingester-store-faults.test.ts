import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { clusterBatchBounds, createIngester, type Ingester } from '#services/ingester';
import { type Bus, createEmbeddedBus, createKafkaBus, topics } from '#shared/bus';
import { createLogger, silentLogger } from '#shared/runtime';
import {
  createMigrations,
  createTrafficStore,
  type Database,
  defaultRetention,
  loadMigrations,
  openServerDatabase,
  type TrafficStore,
} from '#shared/store';
import { now, until } from '../integration/ingester/kafka-ingesting.ts';
import { aliceScope, delivery, readAll } from '../integration/store/helpers.ts';
import { type HttpEngine, startHttpEngine } from '../support/clickhouse-http/http-engine.ts';
import { freshTopics, startBroker, type TestBroker } from '../support/kafka.ts';
import { describeWithKafka } from '../support/kafka-describe.ts';
import { type StoreFault, type StoreProxy, startStoreProxy } from '../support/store-faults.ts';

const account = { username: 'default', password: '', database: 'default' };
const perPublication = 250;
const publications = 4;
const tries = 5;

const code = (number: number): StoreFault => ({ kind: 'code', code: number });
const faults: readonly (readonly [what: string, fault: StoreFault])[] = [
  ['loses the answer after the insert was applied', { kind: 'lost-answer' }],
  ['breaks off its answer after the insert was applied', { kind: 'half-answer' }],
  ['says 200 and then, in the body, that it failed', { kind: 'late-exception', code: 241 }],
  ['is behind a gateway that answers for it', { kind: 'gateway' }],
  ['is over its memory limit (241)', code(241)],
  ['is read-only (164)', code(164)],
  ['has a table that is read-only (242)', code(242)],
  ['has a full disk (243)', code(243)],
  ['has too many parts (252)', code(252)],
  ['ran out of time (159)', code(159)],
  ['had a socket time out (209)', code(209)],
  ['has too many queries (202)', code(202)],
];

let folder: string;
let engine: HttpEngine;
let proxy: StoreProxy;
/** Past the proxy. */
let direct: Database;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'griffie-faults-'));
  engine = await startHttpEngine(folder);
  direct = openServerDatabase({ ...account, url: engine.url });
  await createMigrations(direct, {
    retention: defaultRetention,
    migrations: await loadMigrations(),
  }).apply();
});
afterAll(async () => {
  await direct?.close();
  await engine?.close();
  await rm(folder, { recursive: true, force: true });
});

describe('over the embedded bus', () => {
  suite(async () => {
    const bus = createEmbeddedBus();
    return { publishing: bus, ingesting: bus };
  });
});

describeWithKafka('over Kafka', (kind) => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await startBroker(kind);
  });
  afterAll(() => broker?.stop());

  suite(async () => {
    const config = await freshTopics(broker.brokers, 3);
    const connect = () => createKafkaBus(config, { logger: silentLogger });
    return { publishing: await connect(), ingesting: await connect() };
  });
});

/** What holds whichever bus the records come from. */
function suite(openBus: () => Promise<{ publishing: Bus; ingesting: Bus }>): void {
  let publishing: Bus;
  let ingesting: Bus;
  let store: TrafficStore;
  let ingester: Ingester;
  let log: string[];

  beforeEach(async () => {
    await direct.command('TRUNCATE TABLE traffic');
    await direct.command('TRUNCATE TABLE rejected');
    proxy = await startStoreProxy(engine.url);
    const database = openServerDatabase({ ...account, url: proxy.url });
    store = createTrafficStore(database, { retention: defaultRetention });
    ({ publishing, ingesting } = await openBus());
    log = [];
    ingester = createIngester({
      bus: ingesting,
      store,
      clock: { now: () => now },
      logger: createLogger('ingester', (line) => log.push(line)),
      bounds: clusterBatchBounds,
      retry: { firstDelayMs: 20, maxDelayMs: 200 },
    });
    await ingester.start();
  });
  afterEach(async () => {
    await publishing?.close();
    await ingesting?.close();
    await store?.close();
    await proxy?.close();
  });

  /** Publishes the events of a round, and waits until they are acknowledged. */
  async function ingest(): Promise<void> {
    const total = perPublication * publications;
    for (let from = 0; from < total; from += perPublication) {
      await publishing.publish(
        topics.traffic,
        Array.from({ length: perPublication }, (_, i) => ({
          key: `message ${from + i}`,
          value: Buffer.from(JSON.stringify(delivery(from + i))),
        })),
      );
    }
    await until(() => ingester.stats().inserted === total);
  }

  async function expectEachOnce(): Promise<void> {
    const total = perPublication * publications;
    const reader = createTrafficStore(direct, { retention: defaultRetention });
    const stored = await readAll(reader, aliceScope, now);
    expect(new Set(stored.map(({ eventId }) => eventId)).size).toBe(total);
    expect(stored).toHaveLength(total);
    expect(ingester.stats()).toMatchObject({ inserted: total, waiting: null, rejected: {} });
    expect(log.join('')).not.toContain('planted');
    expect(log.join('')).not.toContain('alice');
  }

  const delays = (): number[] => log.flatMap((line) => Number(/"delayMs":(\d+)/.exec(line)?.[1] ?? []));

  it.each(faults)('finds every event once after a store that %s', async (_, fault) => {
    proxy.inject(Array.from({ length: tries }, () => fault));
    await ingest();
    await expectEachOnce();
    const failed = proxy.seen.filter(({ fault: met }) => met === fault.kind);
    expect(failed).toHaveLength(tries);
    expect(ingester.stats().retries).toBe(tries);
    // One token for all the tries of a batch, however many batches met the fault.
    const inserts = proxy.seen.filter(({ fault: met }) => met === 'none').map(({ token }) => token);
    expect(new Set(inserts).size).toBe(inserts.length);
    for (const { token } of failed) expect(inserts).toContain(token);
  });

  it('waits ever longer between tries, up to a bound, and says what it waits for', async () => {
    proxy.inject(Array.from({ length: 7 }, () => code(242)));
    const published = publishing.publish(topics.traffic, [
      { key: 'k', value: Buffer.from(JSON.stringify(delivery(0))) },
    ]);
    await until(() => ingester.stats().waiting !== null);
    expect(ingester.stats().waiting?.reason).toBe('store.unavailable 242');
    await published;
    await until(() => ingester.stats().inserted === 1);
    expect(delays()).toEqual([20, 40, 80, 160, 200, 200, 200]);
    const times = proxy.seen.map(({ at }) => at);
    for (const [i, delay] of delays().entries()) {
      expect((times[i + 1] ?? 0) - (times[i] ?? 0)).toBeGreaterThanOrEqual(delay - 1);
    }
  });

  it('waits for a store that refuses connections, and goes on by itself', async () => {
    await proxy.refuse();
    const done = ingest();
    await until(() => ingester.stats().retries >= 8);
    expect(ingester.stats()).toMatchObject({
      inserted: 0,
      waiting: { reason: expect.stringContaining('ECONN') },
    });
    await proxy.open();
    await done;
    await expectEachOnce();
  });

  it.each([
    [497, 'the account may not insert'],
    [60, 'the table is missing'],
    [16, 'a column is missing'],
    [516, 'the password is wrong'],
  ])('ends at code %i (%s), and acknowledges nothing', async (number) => {
    proxy.inject(Array.from({ length: 50 }, () => code(number)));
    const published = Promise.allSettled([
      publishing.publish(topics.traffic, [{ key: 'k', value: Buffer.from(JSON.stringify(delivery(0))) }]),
    ]);
    expect(await ingester.failed).toMatchObject({
      code: 'ingester.store_refused',
      reason: `store.refused ${number}`,
    });
    expect(ingester.stats()).toMatchObject({ batches: 0, inserted: 0 });
    expect(proxy.seen).toHaveLength(1);
    expect(log.join('')).not.toContain('planted');
    await published;
  });
}

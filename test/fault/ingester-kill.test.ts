import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createKafkaBus, type KafkaBus, type KafkaConfig, topics } from '#shared/bus';
import { packageRoot, silentLogger } from '#shared/runtime';
import {
  createMigrations,
  createTrafficStore,
  type Database,
  defaultRetention,
  loadMigrations,
  openServerDatabase,
} from '#shared/store';
import { json, now, range, startIngesting, until } from '../integration/ingester/kafka-ingesting.ts';
import { aliceScope, delivery, readAll, rowsOf } from '../integration/store/helpers.ts';
import { type HttpEngine, startHttpEngine } from '../support/clickhouse-http/http-engine.ts';
import { freshTopics, startBroker, type TestBroker } from '../support/kafka.ts';
import { describeWithKafka } from '../support/kafka-describe.ts';
import { openTopic, type TestTopic } from '../support/kafka-topic.ts';
import { type StoreProxy, startStoreProxy } from '../support/store-faults.ts';

const account = { username: 'default', password: '', database: 'default' };
const total = 1000;

describeWithKafka('an ingester that is killed in the midst of an insert', (kind) => {
  let folder: string;
  let broker: TestBroker;
  let engine: HttpEngine;
  let direct: Database;
  let proxy: StoreProxy;
  let config: KafkaConfig;
  let topic: TestTopic;
  let publishing: KafkaBus;
  let successor: KafkaBus | null = null;
  let child: ChildProcess;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'griffie-ingester-kill-'));
    [broker, engine] = await Promise.all([startBroker(kind), startHttpEngine(folder)]);
    direct = openServerDatabase({ ...account, url: engine.url });
    await createMigrations(direct, {
      retention: defaultRetention,
      migrations: await loadMigrations(),
    }).apply();
  });
  afterAll(async () => {
    await broker?.stop();
    await direct?.close();
    await engine?.close();
    await rm(folder, { recursive: true, force: true });
  });

  beforeEach(async () => {
    await direct.command('TRUNCATE TABLE traffic');
    config = await freshTopics(broker.brokers, 2);
    topic = await openTopic(config, topics.traffic);
    proxy = await startStoreProxy(engine.url);
    publishing = await createKafkaBus(config, { logger: silentLogger });
    await publishing.publish(
      topics.traffic,
      range(0, total).map((ordinal) => ({ key: `message ${ordinal}`, value: Buffer.from(json(ordinal)) })),
    );
  });
  afterEach(async () => {
    child?.kill('SIGKILL');
    await successor?.close();
    successor = null;
    await publishing?.close();
    await topic?.close();
    await proxy?.close();
  });

  function start(): void {
    const script = join(packageRoot, 'test', 'support', 'children', 'ingester.mjs');
    const args = [script, config.brokers.join(), config.topicPrefix, proxy.url, String(now)];
    child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  }

  async function kill(): Promise<void> {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  /** Another takes over, once the group has given the killed one up. */
  async function takeOver(): Promise<void> {
    const store = createTrafficStore(openServerDatabase({ ...account, url: engine.url }), {
      retention: defaultRetention,
    });
    const { bus, ingester } = await startIngesting(config, store);
    successor = bus;
    await until(() => ingester.stats().inserted === total);
    await until(async () => (await topic.committed()).join() === (await topic.ends()).join());
  }

  async function expectEachOnce(): Promise<void> {
    const store = createTrafficStore(direct, { retention: defaultRetention });
    const stored = (await readAll(store, aliceScope, now)).map(({ eventId }) => eventId);
    expect(stored.sort()).toEqual(
      range(0, total)
        .map((ordinal) => delivery(ordinal).eventId)
        .sort(),
    );
  }
  const rows = async () => Number((await rowsOf(direct, 'SELECT count() AS n FROM traffic'))[0]?.n);

  it('has committed nothing; another inserts its batches, and what of it arrives late is not seen twice', async () => {
    const release = proxy.hold();
    start();
    await until(() => proxy.seen.length === 2);
    await kill();
    expect(await topic.committed()).toEqual([0, 0]);
    await takeOver();
    await expectEachOnce();
    // What had left the killed process is applied only now.
    release();
    await proxy.settled();
    await expectEachOnce();
  });

  it('may have inserted without knowing it: another inserts it again, and readers see it once', async () => {
    proxy.inject(Array.from({ length: 1000 }, () => ({ kind: 'lost-answer' as const })));
    start();
    await until(async () => (await rows()) === total);
    await kill();
    expect(await topic.committed()).toEqual([0, 0]);
    await takeOver();
    await expectEachOnce();
  });
});

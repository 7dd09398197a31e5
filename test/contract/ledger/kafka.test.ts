import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { desiredTopics, furtherTopics, openTopicLog, reconcileTopics, topicNameOf } from '#shared/bus';
import { createNoteSigner, generateNoteKey } from '#shared/ledger';
import { createOrderedLedger, createTileDirectory } from '#shared/ledger-storage';
import { silentLogger } from '#shared/runtime';
import { freshTopics, startBroker, type TestBroker } from '../../support/kafka.ts';
import { describeWithKafka } from '../../support/kafka-describe.ts';
import { entriesOf } from '../../support/ledger-entries.ts';
import { ledgerContract } from './ledger-contract.ts';
import { orderContract } from './order-contract.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

describeWithKafka('a topic that gives a ledger its order', (kind) => {
  let folder: string;
  let broker: TestBroker;
  const signer = createNoteSigner('log.example/griffie', generateNoteKey());
  const deps = { logger: silentLogger };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'griffie-order-'));
    broker = await startBroker(kind);
  });
  afterAll(async () => {
    await broker?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function newTopic() {
    const config = await freshTopics(broker.brokers, 1);
    const open = () => openTopicLog(config, topicNameOf(config, furtherTopics.ledger), deps);
    // A topic that is new has no leader yet.
    const log = await open();
    await vi.waitFor(() => log.bounds(), 10_000);
    await log.close();
    return open;
  }

  describe('as an order', () => {
    orderContract(async () => (await newTopic())());

    it('is refused where it has several partitions, and where it is missing', async () => {
      const config = await freshTopics(broker.brokers, 2);
      for (const [topic, code] of [
        [topicNameOf(config, furtherTopics.raw), 'kafka.several_partitions'],
        ['never-made', 'kafka.topic_missing'],
      ] as const) {
        const log = await openTopicLog(config, topic, deps);
        // A topic that is new has no leader yet.
        await vi.waitFor(() => expect(log.bounds()).rejects.toMatchObject({ code }), 10_000);
        await log.close();
      }
    });
  });

  describe('under a replica’s ledger', () => {
    let made = 0;
    ledgerContract(async () => {
      const open = await newTopic();
      const cache = createTileDirectory(join(folder, `replica-${++made}`));
      const options = { cache, signer, secret: Buffer.alloc(32, 7), logger: silentLogger };
      return {
        verifier: signer.verifier,
        files: cache,
        open: async () => createOrderedLedger({ ...options, order: await open() }),
      };
    });

    /** A replica that has followed five entries, and is stopped. */
    async function stoppedReplica() {
      const config = await freshTopics(broker.brokers, 1);
      const topic = topicNameOf(config, furtherTopics.ledger);
      const cache = createTileDirectory(join(folder, `replica-${++made}`));
      const open = async () => {
        const order = await openTopicLog(config, topic, deps);
        return createOrderedLedger({ order, cache, signer, secret: Buffer.alloc(32, 7), ...deps });
      };
      const ledger = await open();
      await ledger.append(entriesOf(5));
      await ledger.close();
      const kafka = new kafkajs.Kafka({ brokers: [...broker.brokers], logLevel: kafkajs.logLevel.NOTHING });
      return { config, topic, open, admin: kafka.admin() };
    }

    it('refuses a topic that was made anew, and says what it found', async () => {
      const { config, topic, open, admin } = await stoppedReplica();
      await admin.connect();
      await admin.deleteTopics({ topics: [topic] });
      while ((await admin.listTopics()).includes(topic)) await sleep(50);
      await admin.disconnect();
      const sizing = { partitions: 1, replicationFactor: 1, retentionDays: 1 };
      await reconcileTopics(config, desiredTopics(config, sizing), { apply: true, ...deps });
      const error = await open().catch((fault: unknown) => fault);
      expect(error).toMatchObject({ code: 'ledger.order_differs' });
      expect(String(error)).toContain('The topic has 0 records and this replica has followed 5');
    });

    it('refuses a topic from which records were deleted, at its start and while it runs', async () => {
      const { topic, open, admin } = await stoppedReplica();
      const running = await open();
      await admin.connect();
      // The client asks for a topic's leader here, and not there.
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '3' }] });
      await admin.disconnect();
      await expect(running.ask()).rejects.toMatchObject({ code: 'ledger.order_differs' });
      expect(await running.failed).toMatchObject({ code: 'ledger.order_differs' });
      await running.close();
      const error = await open().catch((fault: unknown) => fault);
      expect(String(error)).toContain('The topic begins with record 3');
    });
  });
});

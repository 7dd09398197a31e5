import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  createKafkaBus,
  desiredTopics,
  type KafkaConfig,
  kafkaConfigSchema,
  reconcileTopics,
  type TopicSizing,
  topics,
} from '#shared/bus';
import { silentLogger } from '#shared/runtime';
import { record } from '../../contract/bus/contract.ts';
import { startBroker, type TestBroker } from '../../support/kafka.ts';
import { describeWithKafka } from '../../support/kafka-describe.ts';

const sizing: TopicSizing = { partitions: 3, replicationFactor: 1, retentionDays: 7 };

describeWithKafka('the topics of an installation', (kind) => {
  let broker: TestBroker;
  let config: KafkaConfig;
  beforeAll(async () => {
    broker = await startBroker(kind);
  });
  afterAll(() => broker?.stop());
  beforeEach(() => {
    const topicPrefix = `test-${randomBytes(6).toString('hex')}.`;
    config = kafkaConfigSchema.parse({ brokers: broker.brokers, topicPrefix, tls: false });
  });

  const reconcile = (change: Partial<TopicSizing> = {}, apply = true) =>
    reconcileTopics(config, desiredTopics(config, { ...sizing, ...change }), { apply, logger: silentLogger });

  it('are planned without being touched, made, and then as they should be', async () => {
    const planned = await reconcile({}, false);
    expect(
      planned.changes.map(({ kind: k, topic }) => `${k} ${topic.slice(config.topicPrefix.length)}`),
    ).toEqual([
      'create mail.traffic.v1',
      'create mail.traffic.rejected.v1',
      'create mail.raw.v1',
      'create griffie.ledger.v1',
    ]);
    expect(await reconcile()).toEqual(planned);
    expect(await reconcile()).toEqual({ changes: [], conflicts: [] });
  });

  it('get more partitions and other settings, and keep settings that are the operator’s own', async () => {
    await reconcile();
    const traffic = `${config.topicPrefix}${topics.traffic}`;
    const own = desiredTopics(config, sizing).map((topic) =>
      topic.name === traffic
        ? { ...topic, settings: { ...topic.settings, 'segment.bytes': '10485760' } }
        : topic,
    );
    await reconcileTopics(config, own, { apply: true, logger: silentLogger });

    const { changes } = await reconcile({ partitions: 5, retentionDays: 3 });
    expect(changes).toContainEqual({ kind: 'partitions', topic: traffic, from: 3, to: 5 });
    expect(changes).toContainEqual({
      kind: 'setting',
      topic: traffic,
      name: 'retention.ms',
      from: '604800000',
      to: '259200000',
    });
    expect(await reconcile({ partitions: 5, retentionDays: 3 })).toEqual({ changes: [], conflicts: [] });
    const after = await reconcileTopics(
      config,
      [{ name: traffic, partitions: 5, replicationFactor: 1, settings: { 'segment.bytes': '10485760' } }],
      { apply: false, logger: silentLogger },
    );
    expect(after.changes).toEqual([]);
  });

  it('never lose partitions: that is said, and left', async () => {
    await reconcile();
    const { changes, conflicts } = await reconcile({ partitions: 2 });
    expect(changes).toEqual([]);
    expect(conflicts.map(({ kind: k, from, to }) => [k, from, to])).toEqual([
      ['fewer_partitions', 3, 2],
      ['fewer_partitions', 3, 2],
    ]);
  });

  it('in a compression that cannot be read end the consumer, and its service learns of it', async () => {
    const desired = desiredTopics(config, { ...sizing, partitions: 1 });
    const zstd = desired.map((topic) => ({
      ...topic,
      settings: { ...topic.settings, 'compression.type': 'zstd' },
    }));
    await reconcileTopics(config, zstd, { apply: true, logger: silentLogger });
    const bus = await createKafkaBus(config, { logger: silentLogger });
    try {
      await bus.publish(topics.traffic, [record('k', 'v')]);
      await bus.subscribe(topics.traffic, { maxRecords: 1, maxBytes: 100, maxWaitMs: 5 }, async () => {});
      expect(await bus.failed).toMatchObject({ code: 'kafka.consumer_ended' });
    } finally {
      await bus.close();
    }
  });
});

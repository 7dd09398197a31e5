import kafkajs, { type Admin, type Producer } from 'kafkajs';
import {
  desiredTopics,
  type KafkaConfig,
  reconcileTopics,
  type Topic,
  topicNameOf,
  topicSizingSchema,
} from '#shared/bus';
import { silentLogger } from '#shared/runtime';

/** A topic as others see it, not through the bus. */
export interface TestTopic {
  /** Sends values as they are, to partition 0; null is a tombstone. Rejects with what the broker said. */
  produce(values: readonly (Uint8Array | string | null)[]): Promise<void>;
  /** Offset of the next record of each partition. */
  ends(): Promise<number[]>;
  /** What the ingesters' group has committed for each partition; 0 where nothing was. */
  committed(): Promise<number[]>;
  setting(name: string, value: string): Promise<void>;
  /** Deletes the topic and makes it anew, empty. The group's offsets stay, as they would. */
  makeAnew(): Promise<void>;
  close(): Promise<void>;
}

export async function openTopic(config: KafkaConfig, topic: Topic): Promise<TestTopic> {
  const name = topicNameOf(config, topic);
  const groupId = `${config.topicPrefix}${config.consumerGroup}.${topic}`;
  const kafka = new kafkajs.Kafka({ brokers: config.brokers, logLevel: kafkajs.logLevel.NOTHING });
  const admin: Admin = kafka.admin();
  const producer: Producer = kafka.producer({ retry: { retries: 2 } });
  await Promise.all([admin.connect(), producer.connect()]);
  const byPartition = (found: readonly { partition: number; offset: string }[]): number[] =>
    [...found].sort((a, b) => a.partition - b.partition).map(({ offset }) => Math.max(0, Number(offset)));

  return {
    async produce(values) {
      const messages = values.map((value) => ({
        key: 'k',
        value: value === null ? null : Buffer.from(value as Uint8Array),
        partition: 0,
      }));
      await producer.send({ topic: name, acks: -1, messages });
    },
    ends: async () => byPartition(await admin.fetchTopicOffsets(name)),
    async committed() {
      for (let tries = 1; ; tries++) {
        try {
          const [found] = await admin.fetchOffsets({ groupId, topics: [name] });
          return byPartition(found?.partitions ?? []);
        } catch (error) {
          // A broker that is new does not know at once who coordinates the group.
          if (tries >= 50) throw error;
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }
    },
    async setting(setting, value) {
      const desired = desiredTopics(config, topicSizingSchema.parse({ replicationFactor: 1 }));
      const [{ partitions } = { partitions: [] }] = (await admin.fetchTopicMetadata({ topics: [name] }))
        .topics;
      const wanted = desired
        .filter((one) => one.name === name)
        .map((one) => ({
          ...one,
          partitions: partitions.length,
          settings: { ...one.settings, 'retention.ms': '86400000', [setting]: value },
        }));
      await reconcileTopics(config, wanted, { apply: true, logger: silentLogger });
    },
    async makeAnew() {
      const [{ partitions } = { partitions: [] }] = (await admin.fetchTopicMetadata({ topics: [name] }))
        .topics;
      await admin.deleteTopics({ topics: [name] });
      while ((await admin.listTopics()).includes(name))
        await new Promise((resolve) => setTimeout(resolve, 50));
      const sizing = { partitions: partitions.length, replicationFactor: 1, retentionDays: 1 };
      await reconcileTopics(config, desiredTopics(config, sizing), { apply: true, logger: silentLogger });
    },
    async close() {
      await Promise.all([admin.disconnect(), producer.disconnect()]);
    },
  };
}

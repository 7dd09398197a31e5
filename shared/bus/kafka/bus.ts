import type { Logger } from '#shared/runtime';
import type { Bus, Topic } from '../bus.ts';
import { BusError } from '../errors.ts';
import { TopicQueue } from '../topic-queue.ts';
import { openKafkaClient } from './client.ts';
import { registerLz4 } from './codec.ts';
import type { KafkaConfig } from './config.ts';
import { KafkaError } from './errors.ts';
import { kafkaLimits } from './limits.ts';
import { TopicPublisher } from './publisher.ts';
import { openSubscription, type Subscription } from './subscription.ts';
import { topicNameOf } from './topics.ts';

export interface KafkaBus extends Bus {
  /**
   * Resolves, if ever, with why a consumer ended for good; the process should then end with a failure, so
   * that its supervisor starts it anew. While brokers are only away, it stays pending.
   */
  readonly failed: Promise<KafkaError>;
}

/** What a topic's publications go through: queued and cut to sends, then sent one at a time. */
interface Outlet {
  readonly queue: TopicQueue;
  readonly publisher: TopicPublisher;
}

/**
 * The bus over a Kafka cluster. `publish` resolves once all in-sync replicas have the records, and rejects
 * with `bus.not_handled` after some seconds without. Its topics are there before
 * (`griffie topics apply`): `subscribe` throws `kafka.topic_missing` otherwise.
 *
 * `close` ends the consumers after the batches at work, sends what was published, and resolves. Records
 * that wait in the cluster are handled by the group's next member.
 */
export async function createKafkaBus(config: KafkaConfig, deps: { logger: Logger }): Promise<KafkaBus> {
  const compression = await registerLz4();
  const kafka = await openKafkaClient(config, deps.logger);
  const outlets = new Map<Topic, Outlet>();
  const subscriptions = new Map<Topic, Promise<Subscription>>();
  let closed: Promise<void> | null = null;
  let fail: (error: KafkaError) => void = () => {};
  const failed = new Promise<KafkaError>((resolve) => {
    fail = resolve;
  });

  const assertOpen = (): void => {
    if (closed !== null) throw new BusError('bus.closed', 'The bus is closed');
  };

  function outletOf(topic: Topic): Outlet {
    const there = outlets.get(topic);
    if (there !== undefined) return there;
    const publisher = new TopicPublisher(kafka, topicNameOf(config, topic), compression);
    const bounds = { maxRecords: kafkaLimits.sendRecords, maxBytes: kafkaLimits.sendBytes, maxWaitMs: 0 };
    const queue = new TopicQueue(topic, 'outgoing', bounds, ({ records }) => publisher.send(records));
    const outlet = { queue, publisher };
    outlets.set(topic, outlet);
    return outlet;
  }

  async function closeAll(): Promise<void> {
    const consumers = await Promise.allSettled(subscriptions.values());
    await Promise.all(
      consumers.map((result) => (result.status === 'fulfilled' ? result.value.close() : undefined)),
    );
    for (const { queue, publisher } of outlets.values()) {
      await queue.close();
      await publisher.close();
    }
  }

  return {
    failed,

    async publish(topic, records) {
      assertOpen();
      await outletOf(topic).queue.publish(records);
    },

    async subscribe(topic, bounds, handle) {
      assertOpen();
      if (subscriptions.has(topic)) {
        throw new BusError('bus.subscribed_twice', `${topic} has a subscriber already`);
      }
      const topicName = topicNameOf(config, topic);
      const subscription = assertTopicExists(topicName).then(() =>
        openSubscription(kafka, {
          topic,
          topicName,
          groupId: `${config.topicPrefix}${config.consumerGroup}.${topic}`,
          bounds,
          handle,
          onEnded(error) {
            deps.logger.error({ code: error.code }, 'a consumer ended for good');
            fail(error);
          },
        }),
      );
      subscriptions.set(topic, subscription);
      try {
        await subscription;
      } catch (error) {
        subscriptions.delete(topic);
        throw error;
      }
    },

    close() {
      closed ??= closeAll();
      return closed;
    },
  };

  async function assertTopicExists(name: string): Promise<void> {
    const admin = kafka.admin();
    try {
      await admin.connect();
      if ((await admin.listTopics()).includes(name)) return;
    } finally {
      await admin.disconnect();
    }
    throw new KafkaError('kafka.topic_missing', `The topic ${name} is missing: run griffie topics apply`);
  }
}

import { randomUUID } from 'node:crypto';
import type { Admin, Consumer } from 'kafkajs';
import type { Logger } from '#shared/runtime';
import type { BusRecord, Topic } from '../bus.ts';
import { toBusRecord } from './batches.ts';
import { openKafkaClient } from './client.ts';
import { registerLz4 } from './codec.ts';
import type { KafkaConfig } from './config.ts';
import { KafkaError } from './errors.ts';
import { toKafkaError } from './faults.ts';
import { kafkaLimits } from './limits.ts';
import { topicNameOf } from './topics.ts';

/** Where to begin and to end in one partition: from the first offset to before the last one. */
interface Span {
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
}

export interface TopicReading {
  /** Only what the broker received at this time or later, milliseconds since the epoch; all where absent. */
  readonly since?: number;
}

/**
 * Reads what is in a topic at the time of the call, once, and leaves no trace but that: nothing is
 * committed, and the group that Kafka asks a consumer to be in is a new one each time.
 *
 * @param onRecords takes the records of one fetch, in order of their partition; the next come after it
 * @throws {KafkaError} where the topic is missing, or the cluster cannot be reached or refuses
 */
export async function readTopic(
  config: KafkaConfig,
  topic: Topic,
  { since }: TopicReading,
  onRecords: (records: readonly BusRecord[]) => Promise<void>,
  { logger }: { readonly logger: Logger },
): Promise<void> {
  await registerLz4();
  const kafka = await openKafkaClient(config, logger);
  const name = topicNameOf(config, topic);
  const groupId = `${config.topicPrefix}${config.consumerGroup}.read.${randomUUID()}`;
  const admin = kafka.admin();
  try {
    await admin.connect();
    const spans = await spansOf(admin, name, since);
    if (spans.length === 0) return;
    const consumer = kafka.consumer({
      groupId,
      maxBytesPerPartition: kafkaLimits.fetchBytesPerPartition,
      maxBytes: kafkaLimits.fetchBytes,
      maxWaitTimeInMs: kafkaLimits.fetchWaitMs,
      allowAutoTopicCreation: false,
      retry: kafkaLimits.retry,
    });
    try {
      await untilRead(consumer, { topic, name, spans, onRecords });
    } finally {
      await consumer.disconnect();
    }
    // Brokers forget a group that committed nothing by themselves; who may not delete one leaves that to them.
    await admin.deleteGroups([groupId]).catch(() => {});
  } catch (error) {
    throw isKafkaJsError(error) ? toKafkaError(error) : error;
  } finally {
    await admin.disconnect();
  }
}

/** Partitions in which there is something to read. */
async function spansOf(admin: Admin, name: string, since: number | undefined): Promise<Span[]> {
  if (!(await admin.listTopics()).includes(name)) {
    throw new KafkaError('kafka.topic_missing', `The topic ${name} is missing: run griffie topics apply`);
  }
  const bounds = await admin.fetchTopicOffsets(name);
  const begins = since === undefined ? [] : await admin.fetchTopicOffsetsByTimestamp(name, since);
  return bounds
    .map(({ partition, low, high }) => {
      const begin = begins.find((entry) => entry.partition === partition)?.offset ?? low;
      return { partition, from: BigInt(begin), to: BigInt(high) };
    })
    .filter(({ from, to }) => from < to);
}

/** Resolves once each span was read to its end. */
async function untilRead(
  consumer: Consumer,
  reading: {
    readonly topic: Topic;
    readonly name: string;
    readonly spans: readonly Span[];
    readonly onRecords: (records: readonly BusRecord[]) => Promise<void>;
  },
): Promise<void> {
  const { topic, name, spans, onRecords } = reading;
  /** The next offset wanted of each partition that is not at its end. */
  const open = new Map(spans.map((span) => [span.partition, { next: span.from, to: span.to }]));
  await consumer.connect();
  await consumer.subscribe({ topics: [name], fromBeginning: true });
  let stalled: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const onProgress = (): void => {
        clearTimeout(stalled);
        stalled = setTimeout(
          () => reject(new KafkaError('kafka.unavailable', 'The brokers stopped answering; try again')),
          kafkaLimits.readStallMs,
        );
      };
      onProgress();
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
      const started = consumer.run({
        autoCommit: false,
        eachBatch: async ({ batch, isStale }) => {
          const span = open.get(batch.partition);
          // Before the seek took effect, or after the group rebalanced, what comes is not what is wanted.
          if (span === undefined || isStale()) return;
          const wanted = batch.messages.filter(
            ({ offset }) => BigInt(offset) >= span.next && BigInt(offset) < span.to,
          );
          try {
            await onRecords(wanted.map((message) => toBusRecord(topic, batch.partition, message)));
          } catch (error) {
            reject(error);
            return;
          }
          onProgress();
          // The last offsets may hold no record: the batch knows how far it went.
          const after = BigInt(batch.lastOffset()) + 1n;
          if (after > span.next) span.next = after;
          if (span.next >= span.to) open.delete(batch.partition);
          if (open.size === 0) resolve();
        },
      });
      started
        .then(() => {
          for (const { partition, from } of spans) {
            consumer.seek({ topic: name, partition, offset: String(from) });
          }
        })
        .catch(reject);
    });
  } finally {
    clearTimeout(stalled);
  }
}

/** What the records' taker threw is its own, and passes as it is. */
const isKafkaJsError = (error: unknown): boolean =>
  error instanceof Error && error.name.startsWith('KafkaJS');

import { z } from 'zod';
import type { Variable } from '#shared/runtime';
import { type FurtherTopic, furtherTopics, type Topic, topics } from '../bus.ts';
import type { KafkaConfig } from './config.ts';

const day = 86_400_000;

/** How large the cluster makes the topics. */
export const topicSizingSchema = z.strictObject({
  /** Partitions of the traffic and raw topics: the most ingesters that share the work. May grow later. */
  partitions: z.int().min(1).max(1024).default(12),
  /** Copies of every record, on as many brokers. Three lets one broker fail without a stop. */
  replicationFactor: z.int().min(1).max(9).default(3),
  /** How long traffic waits for its ingester, days. The other topics keep theirs no longer. */
  retentionDays: z.int().min(1).max(30).default(7),
});
export type TopicSizing = z.infer<typeof topicSizingSchema>;
export type TopicSizingInput = z.input<typeof topicSizingSchema>;

/** How `griffie topics` is told of the sizes. */
export const topicSizingVariables: readonly Variable[] = [
  {
    name: 'KAFKA_PARTITIONS',
    member: 'partitions',
    about: 'partitions of the traffic and raw topics, 1 to 1024: the most ingesters that share the work',
    default: '12',
    read: Number,
  },
  {
    name: 'KAFKA_REPLICATION_FACTOR',
    member: 'replicationFactor',
    about: 'copies of every record, 1 to 9, on as many brokers',
    default: '3',
    read: Number,
  },
  {
    name: 'KAFKA_RETENTION_DAYS',
    member: 'retentionDays',
    about: 'days that traffic waits for its ingester, 1 to 30',
    default: '7',
    read: Number,
  },
];

/** A topic as it should be; settings by Kafka's own names. */
export interface TopicSettings {
  /** Its name in the cluster. */
  readonly name: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly settings: Readonly<Record<string, string>>;
}

/** A topic's name in the cluster. */
export function topicNameOf(
  { topicPrefix }: Pick<KafkaConfig, 'topicPrefix'>,
  topic: Topic | FurtherTopic,
): string {
  return `${topicPrefix}${topic}`;
}

/**
 * All topics of an installation.
 *
 * Expiry is by segment: one that is closed daily is gone at most a day after its last record's time, and
 * that time is the broker's (`LogAppendTime`), so that no producer's clock can keep a record alive. Where
 * three copies are, two must have a record before it is acknowledged.
 *
 * The ledger's topic is kept whole and for ever, by offset: nothing expires, nothing is compacted. Every copy
 * is on the disk before a record is acknowledged (`flush.messages`), because what the ledger says must
 * outlive a loss of power everywhere at once.
 */
export function desiredTopics(
  { topicPrefix }: Pick<KafkaConfig, 'topicPrefix'>,
  { partitions, replicationFactor, retentionDays }: TopicSizing,
): readonly TopicSettings[] {
  const durable = {
    'cleanup.policy': 'delete',
    'min.insync.replicas': String(replicationFactor >= 3 ? 2 : 1),
    'unclean.leader.election.enable': 'false',
  };
  const expiring = {
    ...durable,
    'compression.type': 'lz4',
    'max.message.bytes': '1048588',
    'message.timestamp.type': 'LogAppendTime',
    'retention.bytes': '-1',
    'retention.ms': String(retentionDays * day),
    'segment.ms': String(day),
  };
  const forever = {
    ...durable,
    'flush.messages': '1',
    'max.message.bytes': '1048588',
    'retention.bytes': '-1',
    'retention.ms': '-1',
  };
  const topic = (name: string, count: number, settings: Record<string, string>): TopicSettings => ({
    name: `${topicPrefix}${name}`,
    partitions: count,
    replicationFactor,
    settings,
  });
  return [
    topic(topics.traffic, partitions, expiring),
    topic(topics.rejected, 1, expiring),
    topic(furtherTopics.raw, partitions, expiring),
    // One partition: its order is the ledger's.
    topic(furtherTopics.ledger, 1, forever),
  ];
}

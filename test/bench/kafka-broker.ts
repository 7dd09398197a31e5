import { randomBytes } from 'node:crypto';
import { desiredTopics, type KafkaConfigInput, kafkaConfigSchema, reconcileTopics } from '#shared/bus';
import { silentLogger } from '#shared/runtime';
import { localBrokerAvailable, startLocalBroker } from '../support/kafka.ts';

/** Partitions of the topics that are measured. */
export const partitions = 12;

/** Why there is no broker to measure with, or null. */
export function brokerMissing(): string | null {
  if (process.env.KAFKA_BROKERS) return null;
  const local = localBrokerAvailable();
  return local.ok ? null : `needs KAFKA_BROKERS, or a broker of our own: ${local.reason}`;
}

/** The brokers of `KAFKA_BROKERS`, else one of our own, which ends with `use`. */
export async function withBroker<Result>(
  use: (config: KafkaConfigInput) => Promise<Result>,
): Promise<Result> {
  const topicPrefix = `bench-${randomBytes(4).toString('hex')}.`;
  const given = process.env.KAFKA_BROKERS;
  if (given !== undefined) return use({ brokers: given.split(','), topicPrefix, tls: false });
  const broker = await startLocalBroker();
  try {
    return await use({ brokers: [...broker.brokers], topicPrefix, tls: false });
  } finally {
    await broker.stop();
  }
}

/** Makes the topics of a configuration. */
export async function makeTopics(config: KafkaConfigInput): Promise<void> {
  const parsed = kafkaConfigSchema.parse(config);
  const desired = desiredTopics(parsed, { partitions, replicationFactor: 1, retentionDays: 1 });
  await reconcileTopics(parsed, desired, { apply: true, logger: silentLogger });
}

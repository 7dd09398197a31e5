import type { Logger } from '#shared/runtime';
import type { FurtherTopic, Topic } from '../bus.ts';
import { openKafkaClient } from './client.ts';
import type { KafkaConfig } from './config.ts';
import { KafkaError } from './errors.ts';
import { toKafkaError } from './faults.ts';
import { topicNameOf } from './topics.ts';

/**
 * Resolves where the cluster answers and has these topics.
 * @throws KafkaError `kafka.topic_missing`, or why the brokers could not be asked, after some tries
 */
export async function assertTopics(
  config: KafkaConfig,
  topics: readonly (Topic | FurtherTopic)[],
  { logger }: { readonly logger: Logger },
): Promise<void> {
  const admin = (await openKafkaClient(config, logger)).admin();
  let there: readonly string[];
  try {
    await admin.connect();
    there = await admin.listTopics();
  } catch (error) {
    throw toKafkaError(error);
  } finally {
    await admin.disconnect().catch(() => {});
  }
  const missing = topics.map((topic) => topicNameOf(config, topic)).find((name) => !there.includes(name));
  if (missing !== undefined) {
    throw new KafkaError('kafka.topic_missing', `The topic ${missing} is missing: run griffie topics apply`);
  }
}

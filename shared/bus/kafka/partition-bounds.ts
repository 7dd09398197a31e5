import type { Admin } from 'kafkajs';
import type { Logger } from '#shared/runtime';
import { openKafkaClient } from './client.ts';
import type { KafkaConfig } from './config.ts';
import { KafkaError } from './errors.ts';
import { toKafkaError } from './faults.ts';

/** What a partition holds: offsets from `low` to before `high`. */
export interface PartitionBounds {
  readonly partition: number;
  readonly low: bigint;
  readonly high: bigint;
}

/**
 * The bounds of each partition of a topic, in the order of their numbers.
 * @param topicName its name in the cluster
 * @throws {KafkaError} `kafka.topic_missing`, or why the cluster could not be asked
 */
export async function readPartitionBounds(
  config: KafkaConfig,
  topicName: string,
  { logger }: { readonly logger: Logger },
): Promise<PartitionBounds[]> {
  const admin = (await openKafkaClient(config, logger)).admin();
  try {
    await admin.connect();
    return await boundsOf(admin, topicName);
  } catch (error) {
    throw toKafkaError(error);
  } finally {
    await admin.disconnect().catch(() => {});
  }
}

export async function boundsOf(admin: Admin, topicName: string): Promise<PartitionBounds[]> {
  if (!(await admin.listTopics()).includes(topicName)) {
    throw new KafkaError(
      'kafka.topic_missing',
      `The topic ${topicName} is missing: run griffie topics apply`,
    );
  }
  const offsets = await admin.fetchTopicOffsets(topicName);
  return offsets
    .map(({ partition, low, high }) => ({ partition, low: BigInt(low), high: BigInt(high) }))
    .sort((a, b) => a.partition - b.partition);
}

/** Where reading goes on, and how it came that this is not where it should have. */
export interface Continuation {
  readonly next: bigint;
  /**
   * `lost`: the records from `wanted` on expired before they were read. `truncated`: the partition ends
   * before `wanted`; its topic was made anew, or a broker lost what others had read.
   */
  readonly gap?: 'lost' | 'truncated';
}

/** @param wanted the first offset that was not read */
export function continueAt(wanted: bigint, { low, high }: PartitionBounds): Continuation {
  if (wanted < low) return { next: low, gap: 'lost' };
  if (wanted > high) return { next: low, gap: 'truncated' };
  return { next: wanted };
}

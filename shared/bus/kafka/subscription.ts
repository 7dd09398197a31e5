import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import type { BatchBounds, BusBatch, Topic } from '../bus.ts';
import { splitToBounds, toBusRecord } from './batches.ts';
import { KafkaError } from './errors.ts';
import { kafkaLimits } from './limits.ts';

export interface SubscriptionOptions {
  readonly topic: Topic;
  /** Its name in the cluster. */
  readonly topicName: string;
  readonly groupId: string;
  readonly bounds: BatchBounds;
  readonly handle: (batch: BusBatch) => Promise<void>;
  /** Called once, where the consumer ended and does not come back. */
  readonly onEnded: (error: KafkaError) => void;
}

export interface Subscription {
  /** Waits for the handlers that are at work, commits what they did, and leaves the group. */
  close(): Promise<void>;
}

/**
 * Consumes one topic as a member of a group. Each batch is handled, then its offset is resolved and
 * committed as N+1; nothing is kept across batches, so that a partition can be revoked between any two.
 * A batch whose handler failed is fetched again from the offset where it began.
 */
export async function openSubscription(kafka: Kafka, options: SubscriptionOptions): Promise<Subscription> {
  const { topicName, groupId, bounds, onEnded } = options;
  const consumer: Consumer = kafka.consumer({
    groupId,
    sessionTimeout: kafkaLimits.sessionMs,
    heartbeatInterval: kafkaLimits.heartbeatMs,
    rebalanceTimeout: kafkaLimits.rebalanceMs,
    minBytes: Math.min(bounds.maxBytes, kafkaLimits.fetchEnoughBytes),
    maxBytes: kafkaLimits.fetchBytes,
    maxBytesPerPartition: kafkaLimits.fetchBytesPerPartition,
    maxWaitTimeInMs: Math.min(bounds.maxWaitMs, kafkaLimits.fetchWaitMs),
    allowAutoTopicCreation: false,
    retry: kafkaLimits.consumerRetry,
  });
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    // kafkajs starts again by itself where trying again may help, such as while brokers are away.
    if (payload.restart) return;
    onEnded(new KafkaError('kafka.consumer_ended', 'The consumer ended for good', payload.error));
  });
  const handler = new PartitionHandler(options);
  await consumer.connect();
  await consumer.subscribe({ topics: [topicName], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: kafkaLimits.partitionsAtOnce,
    eachBatch: (payload) => handler.onFetched(payload),
  });
  return {
    async close() {
      handler.stop();
      await consumer.disconnect();
    },
  };
}

class PartitionHandler {
  readonly #options: SubscriptionOptions;
  /** Failures in a row, by partition. */
  readonly #failures = new Map<number, number>();
  readonly #stopping = new AbortController();

  constructor(options: SubscriptionOptions) {
    this.#options = options;
  }

  /** Begins no further batch, and cuts the wait before a repetition short. */
  stop(): void {
    this.#stopping.abort();
  }

  async onFetched(payload: EachBatchPayload): Promise<void> {
    const { topic, bounds } = this.#options;
    const { partition, messages } = payload.batch;
    for (const batch of splitToBounds(messages, bounds)) {
      if (this.#stopping.signal.aborted || !payload.isRunning() || payload.isStale()) return;
      const records = batch.map((message) => toBusRecord(topic, partition, message));
      const handled = await withHeartbeats(payload.heartbeat, async () => {
        if (!(await this.#handle({ topic, records }, partition))) return false;
        const last = batch.at(-1);
        if (last !== undefined) payload.resolveOffset(last.offset);
        // Also where the group rebalances: until this member joins again, its commits count.
        await payload.commitOffsetsIfNecessary(payload.uncommittedOffsets());
        return true;
      });
      if (!handled) return;
      await payload.heartbeat();
    }
  }

  /** Whether the handler took the batch. Why it did not is the handler's to log; ours is to deliver again. */
  async #handle(batch: BusBatch, partition: number): Promise<boolean> {
    try {
      await this.#options.handle(batch);
    } catch {
      await this.#waitAfterFailure(partition);
      return false;
    }
    this.#failures.delete(partition);
    return true;
  }

  async #waitAfterFailure(partition: number): Promise<void> {
    const failures = (this.#failures.get(partition) ?? 0) + 1;
    this.#failures.set(partition, failures);
    const delay = Math.min(
      kafkaLimits.redeliverFirstMs * 2 ** Math.min(failures - 1, 16),
      kafkaLimits.redeliverMaxMs,
    );
    await sleep(delay, undefined, { signal: this.#stopping.signal }).catch(() => {});
  }
}

/**
 * Sends heartbeats while `work` goes on. One that fails does not disturb it: what it stored is stored. The
 * first failure is thrown afterwards; from it kafkajs learns that the group rebalances.
 */
async function withHeartbeats<T>(heartbeat: () => Promise<void>, work: () => Promise<T>): Promise<T> {
  let failure: { readonly error: unknown } | null = null;
  let beating: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    beating = heartbeat().catch((error: unknown) => {
      failure ??= { error };
    });
  }, kafkaLimits.heartbeatMs);
  let result: T;
  try {
    result = await work();
  } finally {
    clearInterval(timer);
    await beating;
  }
  throwIfAny(failure);
  return result;
}

function throwIfAny(failure: { readonly error: unknown } | null): void {
  if (failure !== null) throw failure.error;
}

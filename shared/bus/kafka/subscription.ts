import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer, EachBatchPayload, Kafka, KafkaMessage, OffsetsByTopicPartition } from 'kafkajs';
import type { BatchBounds, BusBatch, Topic } from '../bus.ts';
import { splitToBounds, toBusRecord } from './batches.ts';
import { KafkaError } from './errors.ts';
import { kafkaLimits } from './limits.ts';
import { PartitionNotes } from './notes.ts';

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
  /**
   * Asks for the batches of handlers that wait, waits for those at work, commits what they did, and leaves
   * the group.
   */
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
  const notes = new PartitionNotes(kafka, groupId, topicName);
  consumer.on(consumer.events.GROUP_JOIN, () => notes.forget());
  const handler = new PartitionHandler(options, notes);
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
  readonly #notes: PartitionNotes;
  /** Failures in a row, by partition. */
  readonly #failures = new Map<number, number>();
  readonly #stopping = new AbortController();

  constructor(options: SubscriptionOptions, notes: PartitionNotes) {
    this.#options = options;
    this.#notes = notes;
  }

  /** Begins no further batch, and cuts every wait short. */
  stop(): void {
    this.#stopping.abort();
  }

  async onFetched(payload: EachBatchPayload): Promise<void> {
    const { partition, messages } = payload.batch;
    for (const batch of splitToBounds(messages, this.#options.bounds)) {
      if (this.#stopping.signal.aborted || !payload.isRunning() || payload.isStale()) return;
      const handled = await withHeartbeats(payload.heartbeat, this.#stopping.signal, async (released) => {
        const note = await this.#handle(batch, partition, released);
        if (note === null) return false;
        const last = batch.at(-1);
        if (last !== undefined) payload.resolveOffset(last.offset);
        await this.#notes.set(partition, note);
        // Also where the group rebalances: until this member joins again, its commits count.
        await payload.commitOffsetsIfNecessary(withNote(payload.uncommittedOffsets(), partition, note));
        return true;
      });
      if (!handled) return;
      await payload.heartbeat();
    }
  }

  /** @returns the note, or null: why the handler did not take the batch is its to log, ours to deliver again */
  async #handle(
    messages: readonly KafkaMessage[],
    partition: number,
    released: AbortSignal,
  ): Promise<string | null> {
    const { topic, handle } = this.#options;
    try {
      const before = await this.#notes.of(partition);
      let note = before;
      await handle({
        topic,
        records: messages.map((message) => toBusRecord(topic, partition, message)),
        range: `${topic}/${partition}/${messages[0]?.offset}-${messages.at(-1)?.offset}`,
        note: before,
        keep(left) {
          note = left;
        },
        released,
      });
      this.#failures.delete(partition);
      return note;
    } catch {
      await this.#waitAfterFailure(partition, released);
      return null;
    }
  }

  async #waitAfterFailure(partition: number, released: AbortSignal): Promise<void> {
    const failures = (this.#failures.get(partition) ?? 0) + 1;
    this.#failures.set(partition, failures);
    const delay = Math.min(
      kafkaLimits.redeliverFirstMs * 2 ** Math.min(failures - 1, 16),
      kafkaLimits.redeliverMaxMs,
    );
    await sleep(delay, undefined, { signal: released }).catch(() => {});
  }
}

/** The one partition's offset, with its note; other partitions commit theirs themselves. */
function withNote({ topics }: OffsetsByTopicPartition, partition: number, note: string) {
  const commits = topics.flatMap(({ topic, partitions }) =>
    partitions
      .filter((offset) => Number(offset.partition) === partition)
      .map(({ offset }) => ({ topic, partitions: [{ partition, offset, metadata: note }] })),
  );
  return { topics: commits };
}

/**
 * Sends heartbeats while `work` goes on. One that fails tells it that its batch is wanted back and disturbs
 * it no further: what it stored is stored. The first failure is thrown afterwards; from it kafkajs learns
 * that the group rebalances.
 */
async function withHeartbeats<T>(
  heartbeat: () => Promise<void>,
  stopping: AbortSignal,
  work: (released: AbortSignal) => Promise<T>,
): Promise<T> {
  let failure: { readonly error: unknown } | null = null;
  let beating: Promise<void> = Promise.resolve();
  const released = new AbortController();
  const release = (): void => released.abort();
  stopping.addEventListener('abort', release);
  const timer = setInterval(() => {
    beating = heartbeat().catch((error: unknown) => {
      failure ??= { error };
      release();
    });
  }, kafkaLimits.heartbeatMs);
  let result: T;
  try {
    result = await work(released.signal);
  } finally {
    clearInterval(timer);
    stopping.removeEventListener('abort', release);
    await beating;
  }
  throwIfAny(failure);
  return result;
}

function throwIfAny(failure: { readonly error: unknown } | null): void {
  if (failure !== null) throw failure.error;
}

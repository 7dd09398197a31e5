import type { Consumer, EachBatchPayload, KafkaMessage } from 'kafkajs';
import type { Logger } from '#shared/runtime';
import { openKafkaClient } from './client.ts';
import { registerLz4 } from './codec.ts';
import type { KafkaConfig } from './config.ts';
import { KafkaError } from './errors.ts';
import { Handover } from './handover.ts';
import { kafkaLimits } from './limits.ts';
import { continueAt, readPartitionBounds } from './partition-bounds.ts';
import { soleAssigner } from './sole-assigner.ts';

/*
 * Reads a topic for somebody who keeps the offsets himself, together with what he made of the records. The
 * group is there for one thing: that there is one reader. What Kafka keeps as the group's offsets is told
 * for those who watch the lag, and never asked for: whenever the group has formed anew, the reader seeks
 * to its own.
 */

export interface RawRecord {
  readonly partition: number;
  readonly offset: bigint;
  /** When the broker took it, milliseconds since the epoch (`LogAppendTime`). */
  readonly timestampMs: number;
  /** Null for a tombstone. */
  readonly value: Uint8Array | null;
}

/** Records that were there, or may have been, and cannot be read; see `Continuation`. */
export interface RawGap {
  readonly kind: 'lost' | 'truncated';
  readonly partition: number;
  /** The first offset that was not read. */
  readonly offset: bigint;
}

export interface RawReading {
  /** In the order of each partition. */
  readonly records: readonly RawRecord[];
  readonly gaps: readonly RawGap[];
  /** The first offset of each partition that was neither given nor is in a gap that was told. */
  readonly positions: ReadonlyMap<number, bigint>;
}

export interface RawReaderOptions {
  /** Its name in the cluster. */
  readonly topicName: string;
  /** One reader of a group reads; another one is refused with `kafka.reader_exists`. */
  readonly groupId: string;
  /** All of the topic where absent, also those that it is given later. */
  readonly partitions?: readonly number[];
  /** The first offset to read of each partition; one that is not here appeared since, and is read whole. */
  readonly positions: ReadonlyMap<number, bigint>;
}

export interface RawReader {
  /**
   * At most `max` records; waits for the first of them, and may then give none.
   * What the last call gave is done with when this one is made: its offsets are told to Kafka by and by.
   * @throws {KafkaError} where the reader is over: it is to be closed, and another one opened
   */
  next(max: number, waitMs: number, signal: AbortSignal): Promise<RawReading>;
  /** Whether the group has formed and the brokers answer. */
  readonly isReading: boolean;
  /** Records that wait, of the partitions that have given some; none where that is not known. */
  readonly waiting: number;
  close(): Promise<void>;
}

/** Connects in the background: `next` gives nothing until the group has formed. */
export async function openRawReader(
  config: KafkaConfig,
  options: RawReaderOptions,
  { logger }: { readonly logger: Logger },
): Promise<RawReader> {
  await registerLz4();
  const { default: kafkajs } = await import('kafkajs');
  const kafka = await openKafkaClient(config, logger);
  const consumer = kafka.consumer({
    groupId: options.groupId,
    partitionAssigners: [soleAssigner(kafkajs.AssignerProtocol, options.partitions)],
    sessionTimeout: kafkaLimits.sessionMs,
    heartbeatInterval: kafkaLimits.heartbeatMs,
    rebalanceTimeout: kafkaLimits.rebalanceMs,
    metadataMaxAge: kafkaLimits.metadataMs,
    maxBytes: kafkaLimits.fetchBytes,
    maxBytesPerPartition: kafkaLimits.fetchBytesPerPartition,
    maxWaitTimeInMs: kafkaLimits.fetchWaitMs,
    allowAutoTopicCreation: false,
    retry: kafkaLimits.consumerRetry,
  });
  const reader = new ConsumerReader(consumer, options, () =>
    readPartitionBounds(config, options.topicName, { logger }),
  );
  reader.start();
  return reader;
}

class ConsumerReader implements RawReader {
  readonly #consumer: Consumer;
  readonly #options: RawReaderOptions;
  readonly #bounds: () => ReturnType<typeof readPartitionBounds>;
  readonly #handover = new Handover(({ partition, offset }) => this.#next.set(partition, offset + 1n));
  readonly #next: Map<number, bigint>;
  /** Ends of partitions, as the last fetch of each saw them. */
  readonly #ends = new Map<number, bigint>();
  #gaps: RawGap[] = [];
  #isReading = false;
  #toldAt = 0;

  constructor(
    consumer: Consumer,
    options: RawReaderOptions,
    bounds: () => ReturnType<typeof readPartitionBounds>,
  ) {
    this.#consumer = consumer;
    this.#options = options;
    this.#bounds = bounds;
    this.#next = new Map(options.positions);
  }

  start(): void {
    const { events } = this.#consumer;
    this.#consumer.on(events.GROUP_JOIN, ({ payload }) => this.#onJoined(payload.memberAssignment));
    this.#consumer.on(events.CRASH, ({ payload }) => {
      this.#isReading = false;
      // kafkajs starts again by itself where trying again may help, such as while brokers are away.
      if (payload.restart) return;
      this.#fail(new KafkaError('kafka.consumer_ended', 'The consumer ended for good', payload.error));
    });
    this.#run().catch((error: unknown) =>
      this.#fail(new KafkaError('kafka.consumer_ended', 'The consumer did not start', error)),
    );
  }

  get isReading(): boolean {
    return this.#isReading;
  }

  get waiting(): number {
    let waiting = 0n;
    for (const [partition, end] of this.#ends) waiting += end - (this.#next.get(partition) ?? end);
    return Number(waiting);
  }

  async next(max: number, waitMs: number, signal: AbortSignal): Promise<RawReading> {
    this.#tellOffsets();
    const records = await this.#handover.take(max, waitMs, signal);
    const gaps = this.#gaps;
    this.#gaps = [];
    return { records, gaps, positions: new Map(this.#next) };
  }

  async close(): Promise<void> {
    this.#handover.close();
    const closed = this.#consumer.disconnect().catch(() => {});
    // Brokers that are away are not waited for: the session ends there by itself.
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, kafkaLimits.closeMs);
    });
    await Promise.race([closed, late]);
    clearTimeout(timer);
  }

  async #run(): Promise<void> {
    await this.#consumer.connect();
    // Where the offset that is asked for has expired, kafkajs goes on with the first one that is there.
    await this.#consumer.subscribe({ topics: [this.#options.topicName], fromBeginning: true });
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => this.#onFetched(payload),
    });
  }

  #onJoined(assignment: Readonly<Record<string, readonly number[]>>): void {
    const partitions = assignment[this.#options.topicName] ?? [];
    if (partitions.length === 0) {
      const message =
        'another process reads for this source: two with one id would tell the same lines twice; stop one';
      this.#fail(new KafkaError('kafka.reader_exists', message));
      return;
    }
    for (const partition of partitions) this.#seek(partition, this.#nextOf(partition));
    this.#isReading = true;
  }

  async #onFetched(payload: EachBatchPayload): Promise<void> {
    const { batch, heartbeat } = payload;
    const { partition, messages } = batch;
    if (!payload.isRunning() || payload.isStale() || this.#handover.isOver) return;
    if (!(await this.#isContinuation(partition, fetchedOffsetOf(batch)))) return;
    this.#ends.set(partition, BigInt(batch.highWatermark));
    const records = messages.map((message) => toRawRecord(partition, message));
    const last = messages.at(-1);
    if (last === undefined) return;
    try {
      if (!(await withHeartbeats(heartbeat, this.#handover.offer(records)))) return;
    } finally {
      this.#handover.withdraw();
    }
    payload.resolveOffset(last.offset);
    // Past what is no record at the end of the batch: marks of transactions.
    const after = BigInt(batch.lastOffset()) + 1n;
    if (after > this.#nextOf(partition)) this.#next.set(partition, after);
  }

  /** Whether the batch is what comes next; where it is not, the reader seeks, or knows why it cannot. */
  async #isContinuation(partition: number, fetched: bigint): Promise<boolean> {
    const wanted = this.#nextOf(partition);
    if (fetched === wanted) return true;
    const bounds = (await this.#bounds()).find((each) => each.partition === partition);
    if (bounds === undefined) return false;
    const { next, gap } = continueAt(wanted, bounds);
    if (gap !== undefined) {
      this.#gaps.push({ kind: gap, partition, offset: wanted });
      this.#next.set(partition, next);
    }
    if (fetched === next) return true;
    this.#seek(partition, next);
    return false;
  }

  #nextOf(partition: number): bigint {
    const next = this.#next.get(partition);
    if (next !== undefined) return next;
    this.#next.set(partition, 0n);
    return 0n;
  }

  #seek(partition: number, offset: bigint): void {
    this.#consumer.seek({ topic: this.#options.topicName, partition, offset: String(offset) });
  }

  /** For those who watch the group's lag; nothing depends on it. */
  #tellOffsets(): void {
    const now = performance.now();
    if (!this.#isReading || now - this.#toldAt < kafkaLimits.tellOffsetsMs) return;
    this.#toldAt = now;
    const topic = this.#options.topicName;
    const offsets = [...this.#next].map(([partition, next]) => ({ topic, partition, offset: String(next) }));
    this.#consumer.commitOffsets(offsets).catch(() => {});
  }

  #fail(error: KafkaError): void {
    this.#isReading = false;
    this.#handover.fail(error);
  }
}

function toRawRecord(partition: number, { offset, timestamp, value }: KafkaMessage): RawRecord {
  return { partition, offset: BigInt(offset), timestampMs: Number(timestamp), value };
}

/** The offset that was asked for; kafkajs has it and its types do not. */
function fetchedOffsetOf(batch: EachBatchPayload['batch']): bigint {
  const fetched = 'fetchedOffset' in batch ? batch.fetchedOffset : undefined;
  return BigInt(typeof fetched === 'string' ? fetched : (batch.firstOffset() ?? batch.lastOffset()));
}

/** @returns what the work gave; throws where the group forms anew meanwhile, which kafkajs learns from it. */
async function withHeartbeats<T>(heartbeat: () => Promise<void>, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const failed = new Promise<never>((_resolve, reject) => {
    timer = setInterval(() => heartbeat().catch(reject), kafkaLimits.heartbeatMs);
  });
  try {
    return await Promise.race([work, failed]);
  } finally {
    clearInterval(timer);
  }
}

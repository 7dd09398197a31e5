import { randomUUID } from 'node:crypto';
import type { Admin, Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import { type Logger, Mutex } from '#shared/runtime';
import { openKafkaClient } from './client.ts';
import { registerLz4 } from './codec.ts';
import type { KafkaConfig } from './config.ts';
import { KafkaError } from './errors.ts';
import { toKafkaError } from './faults.ts';
import { kafkaLimits } from './limits.ts';
import { boundsOf } from './partition-bounds.ts';
import { TopicPublisher } from './publisher.ts';

/** A record by its offset, which is exact up to 2^53. */
export interface TopicLogRecord {
  readonly place: number;
  /** Null for a tombstone. */
  readonly bytes: Uint8Array | null;
}

export interface TopicLogReading {
  /** Resolves once it reads. */
  readonly ready: Promise<void>;
  /** Resolves, if ever, with why the reading ended by itself. */
  readonly ended: Promise<Error>;
  close(): Promise<void>;
}

/** A topic of one partition, as a log that everybody reads whole. Nothing of it is ever committed. */
export interface TopicLog {
  /** @throws KafkaError where the topic is missing or has several partitions, or no broker answers in time */
  bounds(): Promise<{ readonly first: number; readonly end: number }>;
  /**
   * Appends records as one batch: next to each other, all or none. Resolves once all in-sync replicas have
   * them. Where it rejects, they may be there, or come yet.
   */
  send(records: readonly Uint8Array[]): Promise<void>;
  /** Gives the records from an offset on, in their order, one call at a time; ends where `take` rejects. */
  follow(from: number, take: (records: readonly TopicLogRecord[]) => Promise<void>): TopicLogReading;
  close(): Promise<void>;
}

/** Fetches in a row that were not what was sought, after which a reading is given up. */
const maxAstray = 5;

/**
 * Opens a topic log; connects with its first use.
 * @param topicName its name in the cluster
 */
export async function openTopicLog(
  config: KafkaConfig,
  topicName: string,
  { logger }: { readonly logger: Logger },
): Promise<TopicLog> {
  await registerLz4();
  const { default: kafkajs } = await import('kafkajs');
  const kafka = await openKafkaClient(config, logger);
  const newPublisher = () => new TopicPublisher(kafka, topicName, kafkajs.CompressionTypes.None);
  let publisher = newPublisher();
  let admin: Admin | undefined;
  const sending = new Mutex();
  const asking = new Mutex();

  async function readBounds(): Promise<{ first: number; end: number }> {
    const asked = admin ?? kafka.admin();
    admin = asked;
    try {
      return await inTime(boundsNow(asked));
    } catch (error) {
      admin = undefined;
      asked.disconnect().catch(() => {});
      throw toKafkaError(error);
    }
  }

  async function boundsNow(asked: Admin): Promise<{ first: number; end: number }> {
    await asked.connect();
    const [only, ...others] = await boundsOf(asked, topicName);
    if (only === undefined || others.length > 0) {
      throw new KafkaError('kafka.several_partitions', `The topic ${topicName} must have one partition`);
    }
    return { first: Number(only.low), end: Number(only.high) };
  }

  return {
    bounds: () => asking.run(readBounds),
    send: (values) =>
      sending.run(async () => {
        const used = publisher;
        try {
          await inTime(used.send(values.map((value) => ({ key: '', value }))));
        } catch (error) {
          // See `TopicPublisher`: one that failed is never used again. It may still be trying.
          publisher = newPublisher();
          used.close().catch(() => {});
          throw toKafkaError(error);
        }
      }),
    follow: (from, take) => {
      // A group of its own: Kafka asks a consumer to be in one, and every replica reads all.
      const groupId = `${config.topicPrefix}${config.consumerGroup}.ledger.${randomUUID()}`;
      return new Following(kafka, { topicName, groupId, from, take });
    },
    close: async () => {
      await Promise.all([
        inTime(publisher.close()).catch(() => {}),
        admin === undefined ? undefined : inTime(admin.disconnect()).catch(() => {}),
      ]);
    },
  };
}

interface FollowingOptions {
  readonly topicName: string;
  readonly groupId: string;
  readonly from: number;
  readonly take: (records: readonly TopicLogRecord[]) => Promise<void>;
}

class Following implements TopicLogReading {
  readonly ready: Promise<void>;
  readonly ended: Promise<Error>;
  readonly #consumer: Consumer;
  readonly #options: FollowingOptions;
  readonly #kafka: Kafka;
  #begin: () => void = () => {};
  #end: (error: Error) => void = () => {};
  #next: number;
  #astray = 0;
  #isOver = false;

  constructor(kafka: Kafka, options: FollowingOptions) {
    this.#kafka = kafka;
    this.#options = options;
    this.#next = options.from;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.ready = new Promise((resolve) => {
      this.#begin = resolve;
    });
    this.#consumer = kafka.consumer({
      groupId: options.groupId,
      sessionTimeout: kafkaLimits.sessionMs,
      heartbeatInterval: kafkaLimits.heartbeatMs,
      maxBytes: kafkaLimits.fetchBytes,
      maxBytesPerPartition: kafkaLimits.fetchBytesPerPartition,
      maxWaitTimeInMs: kafkaLimits.fetchWaitMs,
      allowAutoTopicCreation: false,
      retry: kafkaLimits.consumerRetry,
    });
    this.#run().catch((error: unknown) => this.#over(toKafkaError(error)));
  }

  async close(): Promise<void> {
    this.#isOver = true;
    await inTime(this.#consumer.disconnect()).catch(() => {});
    const admin = this.#kafka.admin();
    // Brokers forget a group without members by themselves; this is tidier.
    const forget = async (): Promise<void> => {
      await admin.connect();
      await admin.deleteGroups([this.#options.groupId]);
    };
    void forget()
      .catch(() => {})
      .finally(() => admin.disconnect().catch(() => {}));
  }

  async #run(): Promise<void> {
    const { events } = this.#consumer;
    this.#consumer.on(events.GROUP_JOIN, () => {
      this.#seek();
      this.#begin();
    });
    this.#consumer.on(events.CRASH, ({ payload }) => {
      // kafkajs starts again by itself where trying again may help, such as while brokers are away.
      if (!payload.restart) this.#over(toKafkaError(payload.error));
    });
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topics: [this.#options.topicName], fromBeginning: true });
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => this.#onFetched(payload),
    });
  }

  async #onFetched(payload: EachBatchPayload): Promise<void> {
    const { batch, heartbeat, resolveOffset } = payload;
    if (!payload.isRunning() || payload.isStale() || this.#isOver) return;
    // A batch may begin before what was sought; what begins elsewhere was not what was sought.
    const records = batch.messages
      .map(({ offset, value }) => ({ place: Number(offset), bytes: value }))
      .filter(({ place }) => place >= this.#next);
    const [first] = records;
    if (first === undefined) {
      if (++this.#astray > maxAstray) {
        this.#over(new KafkaError('kafka.consumer_ended', 'The topic does not reach as far as it was read'));
      } else this.#seek();
      return;
    }
    this.#astray = 0;
    const beating = setInterval(() => heartbeat().catch(() => {}), kafkaLimits.heartbeatMs);
    try {
      await this.#options.take(records);
    } catch (error) {
      this.#over(error instanceof Error ? error : toKafkaError(error));
      return;
    } finally {
      clearInterval(beating);
    }
    const last = records.at(-1) ?? first;
    this.#next = last.place + 1;
    resolveOffset(String(last.place));
  }

  #seek(): void {
    const { topicName } = this.#options;
    this.#consumer.seek({ topic: topicName, partition: 0, offset: String(this.#next) });
  }

  #over(error: Error): void {
    this.#isOver = true;
    this.#end(error);
  }
}

/** Rejects where the work takes longer than a broker that is there may; the work itself goes on. */
async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new KafkaError('kafka.unavailable', 'The brokers did not answer in time')),
      kafkaLimits.logAnswerMs,
    );
  });
  work.catch(() => {});
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

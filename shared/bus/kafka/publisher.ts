import type { CompressionTypes, Kafka, Producer } from 'kafkajs';
import type { OutgoingRecord } from '../bus.ts';
import { kafkaLimits } from './limits.ts';

/**
 * Sends records of one topic, durably and in order: acknowledged by all in-sync replicas, idempotent, one
 * send at a time.
 *
 * A producer that failed once is never used again. kafkajs gives the next send the sequence numbers of the
 * failed one; where that had reached the broker and only its answer was lost, the broker would take the
 * next, different records for a repetition, answer well and drop them. A new producer has a new identity;
 * what was sent twice is told apart by the event id.
 */
export class TopicPublisher {
  readonly #kafka: Kafka;
  readonly #topic: string;
  readonly #compression: CompressionTypes;
  #producer: Producer | null = null;

  /** @param topic its name in the cluster */
  constructor(kafka: Kafka, topic: string, compression: CompressionTypes) {
    this.#kafka = kafka;
    this.#topic = topic;
    this.#compression = compression;
  }

  /** One send after the other: the next is called after this one settled. */
  async send(records: readonly OutgoingRecord[]): Promise<void> {
    const producer = this.#producer ?? this.#newProducer();
    this.#producer = producer;
    try {
      // Returns at once where it is connected.
      await producer.connect();
      await producer.send({
        topic: this.#topic,
        acks: -1,
        timeout: kafkaLimits.acknowledgeMs,
        compression: this.#compression,
        messages: records.map(({ key, value }) => ({ key, value: asBuffer(value) })),
      });
    } catch (error) {
      this.#producer = null;
      await producer.disconnect().catch(() => {});
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#producer?.disconnect();
    this.#producer = null;
  }

  #newProducer(): Producer {
    return this.#kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      retry: kafkaLimits.retry,
    });
  }
}

/** The same bytes, not a copy. */
const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

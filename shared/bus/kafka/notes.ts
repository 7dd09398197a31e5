import type { Kafka } from 'kafkajs';

/**
 * Notes of a group's partitions, each kept as the metadata of its committed offset: what a handler knows
 * about the records up to there moves with the partition, and cannot disagree with the offset.
 */
export class PartitionNotes {
  readonly #kafka: Kafka;
  readonly #groupId: string;
  readonly #topicName: string;
  #notes: Promise<Map<number, string>> | null = null;

  constructor(kafka: Kafka, groupId: string, topicName: string) {
    this.#kafka = kafka;
    this.#groupId = groupId;
    this.#topicName = topicName;
  }

  /** Until the next call of `of`, nothing is known: another member may have read on. */
  forget(): void {
    this.#notes = null;
  }

  /** The partition's note, empty where there is none. Asks the cluster the first time. */
  async of(partition: number): Promise<string> {
    this.#notes ??= this.#read();
    try {
      return (await this.#notes).get(partition) ?? '';
    } catch (error) {
      this.#notes = null;
      throw error;
    }
  }

  /** What was handled here is known here, also where its commit fails. */
  async set(partition: number, note: string): Promise<void> {
    (await this.#notes)?.set(partition, note);
  }

  /** A client of its own each time: it is asked once per change of the group. */
  async #read(): Promise<Map<number, string>> {
    const admin = this.#kafka.admin();
    try {
      await admin.connect();
      const topics = await admin.fetchOffsets({ groupId: this.#groupId, topics: [this.#topicName] });
      return new Map(
        topics.flatMap(({ partitions }) =>
          partitions.map(({ partition, metadata }) => [partition, metadata ?? ''] as const),
        ),
      );
    } finally {
      await admin.disconnect();
    }
  }
}

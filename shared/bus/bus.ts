/*
 * The bus port. Adapters: `embedded/` (in process, acknowledged after the handler is done) and, for
 * deployments that outgrow one machine, Kafka. One contract suite (test/contract) runs against every adapter.
 */

/** Topics that the bus carries. */
export const topics = {
  traffic: 'mail.traffic.v1',
  rejected: 'mail.traffic.rejected.v1',
} as const;
export type Topic = (typeof topics)[keyof typeof topics];

/** Kafka topics that are reached by other means than the bus: raw log lines, and the ledger's order. */
export const furtherTopics = { raw: 'mail.raw.v1', ledger: 'griffie.ledger.v1' } as const;
export type FurtherTopic = (typeof furtherTopics)[keyof typeof furtherTopics];

/** A record to publish. Records of one key stay in order. */
export interface OutgoingRecord {
  readonly key: string;
  /** UTF-8 JSON. */
  readonly value: Uint8Array;
}

export interface BusRecord extends OutgoingRecord {
  readonly topic: Topic;
  /** Where it stood, unique and stable: `topic/partition/offset`. */
  readonly coordinates: string;
}

export interface BusPublisher {
  /**
   * Resolves once every record is durable (embedded: handled by the consumer). Rejects where any is not;
   * the caller publishes the same records again, and the event id makes that harmless.
   */
  publish(topic: Topic, records: readonly OutgoingRecord[]): Promise<void>;
}

/** Records that were consumed together; all of one topic and partition. */
export interface BusBatch {
  readonly topic: Topic;
  readonly records: readonly BusRecord[];
  /**
   * `topic/partition/first-last`, the same whenever these records are delivered. Absent where a delivery has
   * coordinates of its own (embedded).
   */
  readonly range?: string;
  /**
   * What `keep` was given in the partition's batch that was acknowledged last; empty where nothing was.
   * Kafka keeps it beside the offset, for whichever process reads on; the embedded bus while it lives.
   */
  readonly note: string;
  /** Leaves a note for the partition's next batch, with this one's acknowledgement. At most 1,000 bytes. */
  keep(note: string): void;
  /**
   * Aborted once the bus wants the batch back, because it closes or its partition may go to another member.
   * A handler that only waits then rejects; one in the midst of its work may finish it.
   */
  readonly released: AbortSignal;
}

/** How large a batch may grow and how long its first record may wait for company. */
export interface BatchBounds {
  readonly maxRecords: number;
  readonly maxBytes: number;
  readonly maxWaitMs: number;
}

export interface BusConsumer {
  /**
   * Starts to hand batches to `handle`, one at a time per partition; one subscriber per topic. A batch
   * whose handler resolved is committed; one whose handler rejected is delivered again (embedded: its
   * publisher learns of it and publishes again).
   */
  subscribe(topic: Topic, bounds: BatchBounds, handle: (batch: BusBatch) => Promise<void>): Promise<void>;
}

export interface Bus extends BusPublisher, BusConsumer {
  /**
   * Refuses further use from the call on, and resolves once nothing is at work any more: the handlers that
   * had begun are done, and every `publish` before the call has settled. What becomes of records that were
   * published and not yet handed to a handler is the adapter's: the embedded bus, which keeps nothing,
   * hands them over first; Kafka leaves them in the cluster for the group's next member.
   */
  close(): Promise<void>;
}

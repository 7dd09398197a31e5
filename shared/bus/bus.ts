/*
 * The bus port. Adapters: `embedded/` (in process, acknowledged after the handler is done) and, for
 * deployments that outgrow one machine, Kafka. One contract suite (test/contract) runs against every adapter.
 */

/** Topics, in one place. */
export const topics = {
  traffic: 'mail.traffic.v1',
  rejected: 'mail.traffic.rejected.v1',
} as const;
export type Topic = (typeof topics)[keyof typeof topics];

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

/** Records that were consumed together; all of one topic. */
export interface BusBatch {
  readonly topic: Topic;
  readonly records: readonly BusRecord[];
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
  /** Handles what was published, then resolves. Refuses further use from the call on. */
  close(): Promise<void>;
}

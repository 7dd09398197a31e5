/*
 * The port to the order of a ledger that several replicas write: records one behind the other, each at a
 * place of its own that is the index of its leaf. One single-partition Kafka topic is it (`openTopicLog` of
 * shared/bus); one contract suite (test/contract/ledger) runs against every adapter.
 */

export interface OrderedRecord {
  /** 0, 1, 2, …: on Kafka the offset. */
  readonly place: number;
  /** Null for a record that has no value. */
  readonly bytes: Uint8Array | null;
}

/** A reading that goes on until it is closed. */
export interface OrderReading {
  /** Resolves once it reads: what is sent from then on comes without delay. */
  readonly ready: Promise<void>;
  /** Resolves, if ever, with why the reading ended by itself; it is to be closed, and another one begun. */
  readonly ended: Promise<Error>;
  close(): Promise<void>;
}

export interface LedgerOrder {
  /** Place of the first record that is still there, and of the next one that comes. Rejects where it cannot be asked. */
  bounds(): Promise<{ readonly first: number; readonly end: number }>;
  /**
   * Puts records at the end: next to each other, all or none. Resolves once they are as durable as the order
   * is. Where it rejects, they may be there, or come yet.
   */
  send(records: readonly Uint8Array[]): Promise<void>;
  /**
   * Gives what is there from a place on, and then what comes, in order and one call at a time; only what is
   * durable. Ends where `take` rejects.
   */
  follow(from: number, take: (records: readonly OrderedRecord[]) => Promise<void>): OrderReading;
  close(): Promise<void>;
}

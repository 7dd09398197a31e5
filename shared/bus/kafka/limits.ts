/** Every number of the Kafka adapter, in one place. Milliseconds and bytes. */
export const kafkaLimits = {
  /**
   * Values of one send. All of them may land in one partition, where they become one record batch, which
   * brokers refuse above `max.message.bytes` (1 MiB by default); the rest is room for keys and framing.
   */
  sendBytes: 600_000,
  sendRecords: 2000,
  /** How long the brokers may take to replicate a send. */
  acknowledgeMs: 30_000,
  connectMs: 5000,

  /**
   * Compressed, of one partition in one fetch: the most that one batch can come from, 20,000 to 40,000 events
   * of LZ4, so that ClickHouse gets few and large parts.
   */
  fetchBytesPerPartition: 2 * 1_048_576,
  /**
   * Compressed, of all partitions in one fetch. kafkajs unpacks all of it at once and fetches again when all
   * is handled: LZ4 makes traffic five to ten times smaller, so that a fetch holds at most some 120 MB per
   * broker, whatever waits in the cluster. A single record over these bounds comes alone.
   */
  fetchBytes: 8 * 1_048_576,
  /** A fetch that waits for company is answered early once it has this much. */
  fetchEnoughBytes: 2 * 1_048_576,
  /** Longest a fetch waits, so that closing does not; also how many parts a quiet partition makes a second. */
  fetchWaitMs: 500,
  /** Partitions whose batches are handled side by side. */
  partitionsAtOnce: 3,

  /**
   * A member that was not heard of for this long is out of its group, and others take its partitions: so
   * long stands still what a killed ingester had. Heartbeats go on while a handler works.
   */
  sessionMs: 10_000,
  heartbeatMs: 2000,
  /** A handler that takes longer during a rebalance loses its partition; what it stored is stored again. */
  rebalanceMs: 120_000,
  /** Wait before a batch whose handler failed is delivered again; doubled for each further failure. */
  redeliverFirstMs: 100,
  redeliverMaxMs: 5000,

  /** Tries of one request, about six seconds in all, before the caller learns of it. */
  retry: { retries: 5, initialRetryTime: 200, maxRetryTime: 5000, factor: 0.2, multiplier: 2 },
  /** A consumer's: half a minute without brokers, after which it starts anew, as another member. */
  consumerRetry: { retries: 10, initialRetryTime: 200, maxRetryTime: 5000, factor: 0.2, multiplier: 2 },
  /** How often a reader of raw lines asks for new partitions, and tells Kafka how far it is. */
  metadataMs: 30_000,
  tellOffsetsMs: 5000,
  /** How long a reader that ends waits for brokers that may be away. */
  closeMs: 10_000,
  /** How long a request to the ledger's topic may take before its outcome is in doubt. */
  logAnswerMs: 10_000,
  /** How long a change to topics may take until it shows. */
  applyTopicsMs: 30_000,
  /** A reading of a topic in which nothing came for this long is given up. */
  readStallMs: 60_000,
} as const;

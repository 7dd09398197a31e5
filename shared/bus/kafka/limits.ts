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

  /** Compressed, of one partition in one fetch; about ten times of it in memory. */
  fetchBytesPerPartition: 1_048_576,
  fetchBytes: 8 * 1_048_576,
  /** A fetch that waits for company is answered early once it has this much. */
  fetchEnoughBytes: 262_144,
  /** Longest a fetch waits, so that closing does not. */
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
  /** How long a change to topics may take until it shows. */
  applyTopicsMs: 30_000,
} as const;

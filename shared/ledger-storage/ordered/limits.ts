/** Every number of the ordered ledger, in one place. Milliseconds and bytes. */
export const orderedLimits = {
  /** Entries of one append: one send, which brokers refuse above `max.message.bytes` (1 MiB by default). */
  appendBytes: 900_000,
  /** Appends that may wait for their turn; more are refused, so that a slow order cannot fill the memory. */
  waiting: 4_096,
  /** How long an append waits until it was read back, before its outcome is in doubt. */
  readBackMs: 15_000,
  /** What is left of that once the order said that it could not take the records. */
  afterFailureMs: 1_000,
  /** How long a step waits for a doubt to be settled, before it is told that the ledger is unavailable. */
  doubtMs: 2_000,
  /** Between two tries to settle a doubt, to begin reading again, or to write to the disk. */
  retryMs: 500,
  /** How long a start waits for the next record of those that were there when it began. */
  stallMs: 30_000,
  /** How long the last winner lets another replica, which it overtook, go first. */
  yieldMs: 15,
} as const;

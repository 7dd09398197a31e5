/** Bounds of the witness, which everybody who reaches it may call. Bytes and milliseconds. */
export const witnessLimits = {
  /** A checkpoint with 16 of the longest signatures, and the longest proof. */
  bodyBytes: 128 * 1024,
  headerBytes: 8 * 1024,
  /** From the connection to the last byte of the request. */
  requestMs: 10_000,
  connections: 256,
  /** Requests in hand; one after another gets the disk. */
  atWork: 64,
  /** Requests at once from one address, and how many more a second. */
  burst: 30,
  perSecond: 3,
  /** Addresses that are counted; the one that was quiet longest is forgotten first. */
  addresses: 10_000,
  /** Logs that are followed. */
  logs: 64,
  /** Changes of key that are followed, of all logs. */
  rotations: 1_000,
} as const;

/** Bounds of the listener and its spool. Bytes unless named otherwise. */
export const webhookLimits = {
  bodyBytes: 1024 * 1024,
  linesPerRequest: 10_000,
  headerBytes: 16 * 1024,
  /** Requests whose bodies are held at one time; more are told to come back. */
  concurrentRequests: 64,
  connections: 512,
  /** From the first byte of a request to its last, milliseconds. */
  requestMs: 10_000,
  headersMs: 5_000,
  keepAliveMs: 30_000,
  /** Requests that are at work when the collector stops have this long, milliseconds. */
  closingMs: 2_000,
  /** Shorter secrets can be guessed. */
  secretBytes: 16,
  spoolBytes: { default: 1024 * 1024 * 1024, min: 16 * 1024 * 1024, max: 1024 * 1024 * 1024 * 1024 },
  /** A segment is left for a new one when it is longer than this, or than a sixteenth of the spool. */
  segmentBytes: 8 * 1024 * 1024,
  /** And when it is older than this, so that what was handled does not stay on the disk. Milliseconds. */
  segmentMs: 60_000,
} as const;

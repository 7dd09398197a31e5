import { z } from 'zod';

const count = z.int().min(0);

/** What a source has given since its first start; part of the checkpoint, so that a restart counts no line twice. */
export const countersSchema = z.strictObject({
  lines: count,
  events: count,
  /** Understood to say nothing about traffic, other programs' lines among them. */
  ignored: count,
  /** Came again and were left out. */
  repeated: count.default(0),
  /** By reason. */
  notUnderstood: z.record(z.string(), count),
  gaps: count,
  /** Time of the last line that had one, milliseconds since the epoch, by the mail server's clock. */
  lastLineMs: z.int().nullable(),
});
export type Counters = z.infer<typeof countersSchema>;

export function emptyCounters(): Counters {
  return { lines: 0, events: 0, ignored: 0, repeated: 0, notUnderstood: {}, gaps: 0, lastLineMs: null };
}

/** What the checkpoint's header holds. */
export const headerSchema = z.strictObject({
  version: z.literal(1),
  /** The source's own words for where to go on. */
  resume: z.unknown(),
  /** See `RecordParser.state`. */
  parser: z.string().nullable(),
  counters: countersSchema,
});
export type CheckpointHeader = z.infer<typeof headerSchema>;

import { z } from 'zod';

/*
 * What a collector counted of one source on one day of collection, as it tells others: so far, so that the
 * largest of several is the newest, and one that comes again changes nothing.
 */

export const tallyVersion = 1;

const count = z.int().min(0);

export const sourceTallySchema = z.strictObject({
  tallyVersion: z.literal(tallyVersion),
  sourceId: z.string().regex(/^[a-z0-9-]{1,32}$/),
  /** Day of collection in UTC. */
  day: z.iso.date(),
  /** The checkpoint that counts, random: a source that is read anew from its beginning counts anew. */
  checkpoint: z.string().regex(/^[0-9a-f]{16}$/),
  /** Each line is one of the four that follow. */
  lines: count,
  /** Came again and were left out. */
  repeated: count,
  /** Say nothing about traffic. */
  ignored: count,
  notUnderstood: count,
  /** Gave events, or will with the lines that follow. */
  understood: count,
  events: count,
  /** Drafts of events that were none by the schema. */
  invalid: count,
  /** How often lines may have been missed. */
  gaps: count,
  /**
   * Where reading went on after a fault or a kill, the day of the last commit before it: events of that day
   * and of those up to this one may have been published, not committed, and made again on this one.
   */
  resumedFrom: z.iso.date().nullable(),
});
export type SourceTally = z.infer<typeof sourceTallySchema>;

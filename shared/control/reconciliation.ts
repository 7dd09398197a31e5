import { z } from 'zod';

/*
 * The sums of one day of collection, source by source: what was read, what was made of it, what is there.
 * Pure, so that whoever has the figures can say for themselves whether they match.
 */

const count = z.int().min(0);

/** Sources of one entry; more are several entries of the same day. Bounded by the size of an entry. */
export const maxReconciledSources = 100;

export const sourceFigures = z.strictObject({
  source: z.string().min(1).max(64),
  /** Read by the collector; each is one of the four that follow. 0 all where no collector of ours counts. */
  lines: count,
  repeated: count,
  ignored: count,
  notUnderstood: count,
  understood: count,
  /** How often lines may have been missed at the source. */
  gaps: count,
  /** Drafts of events that were none by the schema. */
  invalid: count,
  /** Made and committed with the position. */
  events: count,
  /** Of these are in the table, each once; those that were made before a kill and again on a later day, too. */
  stored: count,
  /** Rows of them, copies counted each. */
  rows: count,
  /** Of `stored`, made again on a later day because a kill came between publication and commit. */
  again: count,
  /** Refused on the way with a reason, and kept with it. */
  rejected: count,
  /** Times that reading began anew from the source's beginning, beyond the first. */
  readAnew: count,
});
export type SourceFigures = z.infer<typeof sourceFigures>;

/** What does not match; zeros where all does. */
export interface Difference {
  /** Lines of which nobody says what became. */
  readonly lines: number;
  /** Events that were made and are neither stored nor refused. */
  readonly missing: number;
  /** Events that are stored, and that no collector made. */
  readonly surplus: number;
}

/**
 * Lines read = repeated + ignored + not understood + understood; events made = stored + rejected.
 * A source that was read anew made events again under the same ids: these are no loss, as far as copies of
 * them are there.
 */
export function differenceOf(figures: SourceFigures): Difference {
  const { lines, repeated, ignored, notUnderstood, understood } = figures;
  const { events, stored, rows, again, rejected, readAnew } = figures;
  const there = stored - again + rejected;
  const copies = readAnew > 0 ? rows - stored : 0;
  return {
    lines: lines - (repeated + ignored + notUnderstood + understood),
    missing: Math.max(0, events - there - copies),
    surplus: Math.max(0, there - events),
  };
}

export const matches = (figures: SourceFigures): boolean => {
  const { lines, missing, surplus } = differenceOf(figures);
  return lines === 0 && missing === 0 && surplus === 0;
};

/** `retention.reconciled`: a day's sums as they were found. A later entry of the same day holds in its place. */
export const reconciledDetails = z.strictObject({
  policyVersion: z.int().min(1),
  day: z.iso.date(),
  /** 0, 1, …: of a day with more sources than an entry holds. 0 begins the day's sums anew. */
  part: z.int().min(0).max(999),
  /** Rows of the whole day by the engine's system tables; the certificate of its deletion has the same. */
  rows: count,
  sources: z.array(sourceFigures).max(maxReconciledSources),
  /** Sources of this entry whose sums do not match. */
  differing: count,
});
export type ReconciledDetails = z.infer<typeof reconciledDetails>;

/** A day's sums over its sources, as the ledger has them last. */
export const reconciledDay = z.object({
  day: z.iso.date(),
  part: count,
  rows: count,
  lines: count,
  events: count,
  stored: count,
  rejected: count,
  differing: count,
});
export type ReconciledDay = z.infer<typeof reconciledDay>;

/** The day with the entry's sources added. */
export function withSources(before: ReconciledDay | undefined, details: ReconciledDetails): ReconciledDay {
  const { day, part, rows, sources, differing } = details;
  const base = part === 0 ? undefined : before;
  const sum = (member: 'lines' | 'events' | 'stored' | 'rejected'): number =>
    sources.reduce((total, source) => total + source[member], base?.[member] ?? 0);
  return {
    day,
    part,
    rows,
    lines: sum('lines'),
    events: sum('events'),
    stored: sum('stored'),
    rejected: sum('rejected'),
    differing: differing + (base?.differing ?? 0),
  };
}

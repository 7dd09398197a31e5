/*
 * The ceiling on rejects. A few records that are no events are put apart, and the rest goes on. When much of
 * what comes is refused, the fault is elsewhere, such as a producer of another version: going on would empty
 * the topic into dead letters, so the ingester stops instead.
 *
 * The count is kept per partition, over about its last `window` records, and its note goes with the
 * partition's offset. So it is the same whichever process reads on, and a restart does not begin it anew:
 * it stops at the same record again, until a person raises the ceiling or what refused the records is mended.
 */

/** Rejects that are too many: more than `rejects` of them *and* more than `share` of the window's records. */
export interface RejectCeiling {
  /** This many in a window are never too many. */
  readonly rejects: number;
  /** 0 to 1; 1 turns the ceiling off. */
  readonly share: number;
  /** Records that are looked back upon. */
  readonly window: number;
}

export const defaultRejectCeiling: RejectCeiling = { rejects: 1000, share: 0.2, window: 10_000 };

/** What was seen of a partition lately. */
export interface RejectCount {
  readonly records: number;
  readonly rejects: number;
}

/**
 * Counts a batch before anything is done about it.
 * @returns the new count, or null where its rejects are too many: nothing of it may be published
 */
export function countRejects(
  before: RejectCount,
  batch: RejectCount,
  { rejects: most, share, window }: RejectCeiling,
): RejectCount | null {
  const records = before.records + batch.records;
  const rejects = before.rejects + batch.rejects;
  // A batch without rejects is never stopped: after a repair the count falls again by itself.
  if (batch.rejects > 0 && rejects > most && rejects > share * records) return null;
  if (records <= window) return { records, rejects };
  // Older records fade instead of leaving one by one: two numbers stand for the window.
  return { records: window, rejects: Math.round((rejects * window) / records) };
}

/** The count as a note of the bus. */
export const toNote = ({ records, rejects }: RejectCount): string => `rejects ${rejects} of ${records}`;

/** The count of a note; one that is not ours counts from zero. */
export function fromNote(note: string): RejectCount {
  const [, rejects, records] = /^rejects (\d{1,9}) of (\d{1,9})$/.exec(note) ?? [];
  return { records: Number(records ?? 0), rejects: Number(rejects ?? 0) };
}

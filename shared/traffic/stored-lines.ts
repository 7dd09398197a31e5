/*
 * What a store gives to be released, and what it is asked meanwhile: bytes of lines that nothing vouches for
 * yet. Who makes them leave holds each against what may (`shared/disclosure-package/package-thread`).
 */

/** A window of `occurredAt` that lines are of. RFC 3339 UTC with milliseconds; `to` is the first instant after it. */
export interface LineSlice {
  readonly from: string;
  readonly to: string;
  /** Events that all slices have together, about. */
  readonly expected: number;
}

export interface StoredLines {
  /** Whole lines, in the order of `occurredAt`, then `eventId`. Their memory goes to who takes them. */
  readonly bytes: Uint8Array;
  readonly slice: LineSlice;
}

/** Lines in pieces of about a thousand, one slice after another; an event may come in several slices. */
export interface LineSource extends AsyncIterable<StoredLines> {
  /** Which of these events an earlier slice had: one that ended at this time or before. */
  eventsBefore(time: string, ids: readonly string[]): Promise<ReadonlySet<string>>;
}

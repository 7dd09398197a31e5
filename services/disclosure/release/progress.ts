import type { ReleasedLines } from '#shared/traffic';

/** How far a package is: counts alone, of what is encrypted so far. */
export interface ReleaseProgress {
  readonly records: number;
  /** Of the records as text, before encryption. */
  readonly bytes: number;
}

export const nothingYet: ReleaseProgress = { records: 0, bytes: 0 };

/**
 * Hands records on as they are taken, tells how far it is, and ends with the signal's reason once it is
 * aborted. Nothing is read ahead of who takes them.
 */
export async function* watched(
  records: AsyncIterable<ReleasedLines>,
  signal: AbortSignal,
  tell: (progress: ReleaseProgress) => void,
): AsyncGenerator<ReleasedLines> {
  let { records: count, bytes } = nothingYet;
  signal.throwIfAborted();
  for await (const lines of records) {
    yield lines;
    signal.throwIfAborted();
    count += lines.ends.length;
    bytes += lines.bytes.length;
    tell({ records: count, bytes });
  }
}

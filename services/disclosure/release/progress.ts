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
 * aborted, also while the store does not answer: what it answers later nobody hears. Nothing is read ahead of
 * who takes them.
 */
export async function* watched(
  records: AsyncIterable<ReleasedLines>,
  signal: AbortSignal,
  tell: (progress: ReleaseProgress) => void,
): AsyncGenerator<ReleasedLines> {
  let { records: count, bytes } = nothingYet;
  signal.throwIfAborted();
  const reading = records[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await unlessAborted(reading.next(), signal);
      if (next.done) return;
      const lines = next.value;
      yield lines;
      signal.throwIfAborted();
      count += lines.ends.length;
      bytes += lines.bytes.length;
      tell({ records: count, bytes });
    }
  } finally {
    // It may come to its end much later, and nobody waits for that after an abort.
    const ended = reading.return?.();
    if (signal.aborted) ended?.catch(() => {});
    else await ended;
  }
}

function unlessAborted<T>(pending: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    pending.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

import type { LineSource, StoredLines } from '#shared/traffic';

/**
 * The same source until the signal is aborted: then it ends with the signal's reason, also while the store does
 * not answer; what it answers later nobody hears. Nothing is read ahead of who takes the lines.
 */
export function abortable(source: LineSource, signal: AbortSignal): LineSource {
  return {
    [Symbol.asyncIterator]: () => read(source, signal),
    async eventsBefore(time, ids) {
      signal.throwIfAborted();
      return unlessAborted(source.eventsBefore(time, ids), signal);
    },
  };
}

async function* read(source: LineSource, signal: AbortSignal): AsyncGenerator<StoredLines> {
  signal.throwIfAborted();
  const reading = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await unlessAborted(reading.next(), signal);
      if (next.done) return;
      yield next.value;
      signal.throwIfAborted();
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

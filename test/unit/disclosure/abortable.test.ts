import { describe, expect, it } from 'vitest';
import { abortable } from '../../../services/disclosure/release/abortable.ts';
import { lineSource, storedLines } from '../../support/released-lines.ts';
import { record } from '../disclosure-package/support.ts';

const never = new Promise<never>(() => {});
const reason = new Error('given up');

describe('a source that can be given up', () => {
  it('ends with the reason while the store does not answer', async () => {
    const stop = new AbortController();
    const source = abortable(
      lineSource(async function* () {
        yield storedLines([record(1)]);
        await never;
      }),
      stop.signal,
    );
    const reading = source[Symbol.asyncIterator]();
    expect((await reading.next()).done).toBe(false);
    const next = reading.next();
    stop.abort(reason);
    await expect(next).rejects.toBe(reason);
  });

  it.each(['before', 'after'])('answers no question that is asked %s that', async (when) => {
    const stop = new AbortController();
    const silent = { ...lineSource(async function* () {}), eventsBefore: () => never };
    const source = abortable(silent, stop.signal);
    if (when === 'after') stop.abort(reason);
    const answer = source.eventsBefore('2026-09-01T00:00:00.000Z', []);
    stop.abort(reason);
    await expect(answer).rejects.toBe(reason);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Repetitions } from '../../../../services/collector/pipeline/repetitions.ts';

const identity = (number: number): string =>
  (number * 2_654_435_761).toString(16).padStart(32, '0').slice(-32).split('').reverse().join('');

/** What a checkpoint does: folds changes. */
class Fold {
  readonly entries = new Map<string, string>();

  take(repetitions: Repetitions): void {
    for (const [key, value] of repetitions.takeChanges()) {
      if (value === null) this.entries.delete(key);
      else this.entries.set(key, value);
    }
  }
}

describe('the lines that came last', () => {
  it('are known again, and no other', () => {
    const seen = new Repetitions([]);
    for (let i = 0; i < 5_000; i++) expect(seen.isRepeated(identity(i))).toBe(false);
    for (let i = 0; i < 5_000; i++) expect(seen.isRepeated(identity(i))).toBe(true);
    expect(seen.isRepeated(identity(5_000))).toBe(false);
  });

  it('are known again after any restart, wherever it came between commits', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 20 }), (commits) => {
        const fold = new Fold();
        let seen = new Repetitions([], 256);
        let next = 0;
        for (const lines of commits) {
          for (let i = 0; i < lines; i++) expect(seen.isRepeated(identity(next++))).toBe(false);
          fold.take(seen);
          seen = new Repetitions(fold.entries, 256);
          // Seven pages at least are remembered.
          for (let i = Math.max(0, next - 7 * 256); i < next; i++) {
            expect(new Repetitions(fold.entries, 256).isRepeated(identity(i))).toBe(true);
            i += 97;
          }
        }
      }),
      { numRuns: 20 },
    );
  });

  it('are bounded, in the checkpoint too', () => {
    const fold = new Fold();
    const seen = new Repetitions([], 256);
    for (let i = 0; i < 40 * 256; i++) {
      seen.isRepeated(identity(i));
      if (i % 300 === 0) fold.take(seen);
    }
    fold.take(seen);
    expect(fold.entries.size).toBeLessThanOrEqual(8);
    expect(seen.isRepeated(identity(0))).toBe(false);
    expect(seen.isRepeated(identity(40 * 256 - 1))).toBe(true);
  });

  it('refuses a state that is not its own', () => {
    expect(() => new Repetitions([['x', 'AAAA']])).toThrow(SyntaxError);
    expect(() => new Repetitions([['0.0', 'AAAA']])).toThrow(SyntaxError);
  });
});

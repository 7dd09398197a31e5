import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventIdFor } from '#shared/traffic';
import { ReleaseGate } from '../../../shared/disclosure-package/package-thread/release-gate.ts';
import {
  EventFilter,
  withoutRepeats,
} from '../../../shared/disclosure-package/package-thread/seen-events.ts';
import { storedLines } from '../../support/released-lines.ts';
import { record, scope } from './support.ts';

const id = (n: number): string => eventIdFor('test', String(n), 0);
const add = (filter: EventFilter, n: number): boolean => {
  const { buffer } = new TextEncoder().encode(`"${id(n)}"`);
  return filter.add(new DataView(buffer), 1);
};

describe('events that went by', () => {
  it('are known again, all of them, and hardly any other', () => {
    // As many as the filter, whose size is a power of two, is made for.
    const count = 2 ** 15;
    const filter = new EventFilter(count);
    let inVain = 0;
    for (let n = 0; n < count; n++) if (add(filter, n)) inVain += 1;
    expect(inVain).toBe(0);
    for (let n = 0; n < count; n++) expect(add(filter, n)).toBe(true);
  });

  it('leave no line again, whatever else is thought to be known', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 60 }),
        fc.integer({ min: 1, max: 9 }),
        fc.boolean(),
        async (numbers, perPiece, saturated) => {
          const filter = new EventFilter(100);
          // A filter that knows everything asks about everything.
          if (saturated) for (let n = 0; n < 41; n++) add(filter, n);
          const before = new Set<string>();
          const kept: string[] = [];
          for (let at = 0; at < numbers.length; at += perPiece) {
            // As the statement gives them: once in a slice.
            const slice = [...new Set(numbers.slice(at, at + perPiece))];
            const stored = storedLines(slice.map((n) => record(n, { eventId: id(n) })));
            const lines = new ReleaseGate(scope).pass(stored.bytes, stored.slice);
            const left = await withoutRepeats(
              lines,
              filter,
              async (ids) => new Set(ids.filter((each) => before.has(each))),
            );
            const text = Buffer.from(left.bytes).toString();
            const found = text
              .split('\n')
              .slice(0, -1)
              .map((line) => JSON.parse(line));
            expect(left.ends).toHaveLength(found.length);
            expect(left.types).toEqual(found.map((each) => each.type));
            expect(left.origins.map((each) => each.sourceId)).toEqual(found.map((each) => each.sourceId));
            expect(left.ends.at(-1) ?? 0).toBe(left.bytes.length);
            kept.push(...found.map(({ eventId }) => eventId));
            for (const n of slice) before.add(id(n));
          }
          expect(kept).toEqual([...new Set(numbers.map(id))]);
        },
      ),
    );
  });
});

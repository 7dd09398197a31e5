import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { originsOf } from '../../../services/disclosure/release/origins.ts';

const days = ['2096-11-10', '2096-11-11', '2096-11-30', '2096-12-01'] as const;

describe('where released records came from', () => {
  it('is told by source, with a number for each day from the first to the last', () => {
    const record = fc.record({
      sourceId: fc.constantFrom('a', 'mx1', 'größe'),
      day: fc.constantFrom(...days),
    });
    fc.assert(
      fc.property(fc.array(record, { maxLength: 40 }), (records) => {
        const counts = new Map<string, Map<string, number>>();
        for (const { sourceId, day } of records) {
          const daysOf = counts.get(sourceId) ?? new Map<string, number>();
          counts.set(sourceId, daysOf.set(day, (daysOf.get(day) ?? 0) + 1));
        }
        const found = (originsOf(counts) ?? []).flatMap(({ source, from, records: byDay }) =>
          byDay.map((n, back) => [
            source,
            new Date(Date.parse(from) + back * 86_400_000).toISOString().slice(0, 10),
            n,
          ]),
        );
        for (const sourceId of ['a', 'mx1', 'größe']) {
          for (const day of days) {
            const expected = records.filter((one) => one.sourceId === sourceId && one.day === day).length;
            const [, , n = 0] = found.find(([source, of]) => source === sourceId && of === day) ?? [];
            expect(n).toBe(expected);
          }
        }
      }),
    );
  });

  it('is left out where the sources are too many for an entry', () => {
    const sources = (count: number) =>
      new Map(Array.from({ length: count }, (_, n) => [`s${n}`, new Map([['2096-11-10', 1]])]));
    expect(originsOf(sources(64))).toHaveLength(64);
    expect(originsOf(sources(65))).toBeUndefined();
  });
});

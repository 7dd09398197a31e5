import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OriginCounts } from '../../../services/disclosure/release/origins.ts';
import { testEvent } from '../../support/events.ts';
import { inPieces } from '../../support/released-lines.ts';

const days = ['2096-11-10', '2096-11-11', '2096-11-30', '2096-12-01'] as const;

describe('where released records came from', () => {
  it('is counted by source and day', async () => {
    const record = fc.record({
      sourceId: fc.constantFrom('a', 'mx1', 'größe'),
      day: fc.constantFrom(...days),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(record, { maxLength: 40 }), async (records) => {
        const counts = new OriginCounts();
        const events = records.map(({ sourceId, day }) =>
          testEvent({ sourceId, collectedAt: `${day}T10:00:00.000Z` }),
        );
        for await (const _ of counts.watch(inPieces(events)));
        const found = (counts.origins() ?? []).flatMap(({ source, from, records: byDay }) =>
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

  it('is left out where the sources are too many for an entry', async () => {
    const counts = new OriginCounts();
    const events = Array.from({ length: 65 }, (_, n) => testEvent({ sourceId: `s${n}` }));
    for await (const _ of counts.watch(inPieces(events)));
    expect(counts.origins()).toBeUndefined();
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countYear } from '../../../services/cli/statistics/count.ts';
import {
  type FigureRow,
  figureRows,
  figuresCsv,
  publicRows,
  smallestPublished,
} from '../../../services/cli/statistics/rows.ts';

const actor = { service: 'disclosure' };
const id = (n: number): string => `01939f3a-7b1c-7cc3-9d20-${String(n).padStart(12, '0')}`;

function entry(index: number, kind: string, at: string, subject: string, details: object) {
  return { index, entry: { v: 1, kind, id: id(index), at, actor, subject, details } } as never;
}
const order = (n: number, at: string, change: object = {}) =>
  entry(n, 'order.recorded', at, id(n), {
    version: 1,
    regime: 'NL_DOMESTIC',
    regimeVersion: '1',
    type: 'produce',
    issuingState: 'NL',
    emergency: false,
    categories: ['sender', 'session'],
    targetCount: 1,
    receivedAt: at,
    validUntil: '2027-12-31T00:00:00.000Z',
    ...change,
  });
const released = (n: number, at: string, ofOrder: number, completeness = 'complete') =>
  entry(n, 'disclosure.released', at, id(n + 500), {
    orderId: id(ofOrder),
    packageId: id(n + 900),
    records: completeness === 'none' ? 0 : 10,
    parts: 1,
    bytes: 100,
    completeness,
    manifestSha256: 'a'.repeat(64),
  });
async function* of(...entries: readonly never[]) {
  yield* entries;
}

describe('a year of orders, from the ledger', () => {
  it('counts what came in, what was fulfilled and how fast, by State, emergency and category', async () => {
    const statistics = await countYear(
      of(
        order(1, '2025-12-31T23:00:00.000Z'),
        order(2, '2026-01-10T00:00:00.000Z'),
        order(3, '2026-02-01T00:00:00.000Z', { issuingState: 'BE', emergency: true, regime: 'EU_EPOC' }),
        order(4, '2026-03-01T00:00:00.000Z', { type: 'preserve', regime: 'EU_EPOC_PR' }),
        order(5, '2026-12-31T23:59:59.999Z'),
        released(6, '2026-01-10T10:00:00.000Z', 2, 'none'),
        released(7, '2026-01-11T00:00:00.000Z', 2),
        released(8, '2026-01-12T00:00:00.000Z', 2),
        released(9, '2026-02-01T08:00:00.000Z', 3),
        released(10, '2027-01-01T23:59:59.999Z', 5),
        entry(12, 'disclosure.cancelled', '2026-05-02T00:00:00.000Z', id(512), { orderId: id(2) }),
        entry(11, 'order.rejected', '2026-05-01T00:00:00.000Z', id(2), { version: 1, reason: 'incomplete' }),
      ),
      2026,
    );
    expect(statistics.production).toEqual({ received: 3, fulfilled: 3, unfulfilled: 0, averageHours: 18.7 });
    expect(statistics.byIssuingState).toMatchObject({
      BE: { received: 1, averageHours: 8 },
      NL: { received: 2 },
    });
    expect(statistics.byEmergency.emergency).toMatchObject({ received: 1, fulfilled: 1 });
    expect(statistics.byCategory.session).toMatchObject({ received: 3 });
    expect(statistics.preservation).toEqual({ received: 1 });
    expect(statistics.disclosures).toMatchObject({
      ...{ released: 4, withoutRecords: 1, records: 30, cancelled: 1, failed: 0 },
    });
    expect(statistics.refusals).toEqual({ 'order.rejected.incomplete': 1 });
    const csv = figuresCsv(2026, figureRows(statistics));
    expect(csv).toContain('2026,production orders by issuing State,BE,received,1\r\n');
  });

  it('withholds from the public what could point at somebody, and what would give it away', () => {
    const groups = fc.dictionary(
      fc.stringMatching(/^[A-Z]{2}$/),
      fc.record({ fulfilled: fc.nat(30), unfulfilled: fc.nat(30) }),
      { minKeys: 1, maxKeys: 6 },
    );
    fc.assert(
      fc.property(groups, (counts) => {
        const rows = Object.entries(counts).flatMap(([group, { fulfilled, unfulfilled }]): FigureRow[] => [
          { about: 'by State', group, figure: 'received', value: fulfilled + unfulfilled },
          { about: 'by State', group, figure: 'fulfilled', value: fulfilled },
          { about: 'by State', group, figure: 'unfulfilled', value: unfulfilled },
          { about: 'by State', group, figure: 'averageHours', value: 4 },
        ]);
        const shown = publicRows(rows);
        for (const [index, { group, figure, value }] of shown.entries()) {
          if (figure === 'averageHours') continue;
          if (value !== null) expect(value === 0 || value >= smallestPublished).toBe(true);
          // Nobody computes a withheld part from the whole and the other part.
          const part = (name: string) =>
            shown.find((row) => row.group === group && row.figure === name)?.value;
          if (figure === 'fulfilled' && value === null && (rows[index]?.value ?? 0) > 0) {
            expect([part('received'), part('unfulfilled')]).toContain(null);
          }
        }
        // Nor a single withheld group from the sum of all, unless all others are none.
        for (const figure of ['received', 'fulfilled', 'unfulfilled']) {
          const column = shown.filter((row) => row.figure === figure);
          const hidden = column.filter(({ value }) => value === null);
          if (hidden.length === 1) {
            const others = column.filter(({ value }) => value !== null);
            expect(others.every(({ value }) => value === 0)).toBe(true);
          }
        }
      }),
    );
  });
});

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
    expect(statistics.preservation).toEqual({ received: 1, followed: 0, averageHours: null });
    expect(statistics.disclosures).toMatchObject({
      ...{ released: 4, withoutRecords: 1, records: 30, cancelled: 1, failed: 0 },
    });
    expect(statistics.refusals).toEqual({ 'order.rejected.incomplete': 1 });
    const csv = figuresCsv(2026, figureRows(statistics));
    expect(csv).toContain('2026,production orders by issuing State,BE,received,1\r\n');
  });

  it('counts how long it took from a preservation to the order to produce what it keeps', async () => {
    const preserve = (n: number, at: string, issuedAt?: string) =>
      order(n, at, { type: 'preserve', regime: 'EU_EPOC_PR', ...(issuedAt ? { issuedAt } : {}) });
    const hold = (n: number, kind: string, details: object) =>
      entry(n, kind, '2026-03-01T00:00:00.000Z', id(1), details);
    const until = '2026-06-01T00:00:00.000Z';
    const statistics = await countYear(
      of(
        preserve(1, '2026-02-02T00:00:00.000Z', '2026-02-01T00:00:00.000Z'),
        preserve(2, '2026-02-02T00:00:00.000Z', '2026-02-01T12:00:00.000Z'),
        preserve(3, '2026-02-02T00:00:00.000Z'),
        hold(4, 'hold.placed', { since: until, until }),
        hold(5, 'hold.extended', { reason: 'extension', until }),
        hold(6, 'hold.ended', { reason: 'period_over', records: 3, bytes: 30 }),
        order(7, '2026-02-03T00:00:00.000Z', { preservedUnder: id(1) }),
        order(8, '2026-02-09T00:00:00.000Z', { preservedUnder: id(1) }),
        // Of the next year, it follows one of this.
        order(9, '2027-02-01T12:00:00.000Z', { preservedUnder: id(2) }),
      ),
      2026,
    );
    expect(statistics.preservation).toEqual({ received: 3, followed: 2, averageHours: 4404 });
    expect(statistics.holds).toEqual({ placed: 1, extended: 1, lifted: 0, ended: 1 });
    const shown = publicRows(figureRows(statistics)).filter(({ about }) => about === 'preservation orders');
    expect(shown.map(({ figure, value }) => [figure, value])).toEqual([
      ['received', null],
      ['followed', null],
      ['averageHours', null],
    ]);
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
      }),
    );
  });

  it('leaves a reader at least two values for each number that is withheld for being small', () => {
    const cell = fc.record({ fulfilled: fc.nat(7), unfulfilled: fc.nat(7) });
    fc.assert(
      fc.property(
        fc.array(cell, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 2, max: 5 }),
        (cells, below) => {
          const total = {
            fulfilled: cells.reduce((sum, { fulfilled }) => sum + fulfilled, 0),
            unfulfilled: cells.reduce((sum, { unfulfilled }) => sum + unfulfilled, 0),
          };
          const about = 'production orders by issuing State';
          const table = [
            ...rowsOf('production orders', '', total),
            ...cells.flatMap((one, n) => rowsOf(about, `S${n}`, one)),
          ];
          const shown = publicRows(table, below);
          // By trying every table that a reader could think of.
          const possible = tablesLike(cells.length, shown);
          for (const [place, { value }] of table.entries()) {
            if (value === null || value === 0 || value >= below) continue;
            expect(shown[place]?.value).toBeNull();
            expect(new Set(possible.map((values) => values[place])).size).toBeGreaterThan(1);
          }
        },
      ),
      { numRuns: Number(process.env.ROUNDS ?? 150) },
    );
  });
});

const rowsOf = (
  about: string,
  group: string,
  { fulfilled, unfulfilled }: { fulfilled: number; unfulfilled: number },
): FigureRow[] => [
  { about, group, figure: 'received', value: fulfilled + unfulfilled },
  { about, group, figure: 'fulfilled', value: fulfilled },
  { about, group, figure: 'unfulfilled', value: unfulfilled },
];

/** All tables of some groups that agree with what is shown: zeros are shown, so that what is withheld is more. */
function tablesLike(groups: number, shown: readonly FigureRow[]): number[][] {
  const agrees = (values: readonly number[], from: number): boolean =>
    values.every((value, index) => {
      const seen = shown[from + index]?.value ?? null;
      return seen === null ? value > 0 : value === seen;
    });
  const most = 12;
  let tables: number[][] = [[]];
  for (let group = 0; group < groups; group++) {
    tables = tables.flatMap((before) =>
      Array.from({ length: (most + 1) ** 2 }, (_, n) => [n % (most + 1), Math.floor(n / (most + 1))] as const)
        .map(([fulfilled, unfulfilled]) => [fulfilled + unfulfilled, fulfilled, unfulfilled])
        .filter((values) => agrees(values, 3 * (group + 1)))
        .map((values) => [...before, ...values]),
    );
    if (tables.length > 200_000) tables.length = 200_000;
  }
  const wholeOf = (values: readonly number[], figure: number): number =>
    values.reduce((sum, value, index) => sum + (index % 3 === figure ? value : 0), 0);
  return tables
    .map((values) => [wholeOf(values, 0), wholeOf(values, 1), wholeOf(values, 2), ...values])
    .filter((values) => agrees(values.slice(0, 3), 0));
}

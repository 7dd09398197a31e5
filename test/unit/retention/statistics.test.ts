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

  it('withholds from the public what could point at somebody', () => {
    const cells = fc.array(fc.record({ fulfilled: fc.nat(30), unfulfilled: fc.nat(30) }), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(cells, (states) => {
        const table = [...tableOf([states]), ...states.map((_, n) => averageOf(n))];
        const shown = publicRows(table);
        for (const [index, { group, figure, value }] of shown.entries()) {
          if (figure !== 'averageHours' && value !== null) {
            expect(value === 0 || value >= smallestPublished, JSON.stringify(table[index])).toBe(true);
          }
          if (figure === 'averageHours') {
            const part = shown.find((row) => row.group === group && row.figure === 'fulfilled');
            expect(value === null).toBe(part?.value === null);
          }
        }
      }),
    );
  });

  // Each world: how many groups each division has, and how many orders a group has at most.
  it.each([
    [3, [1], 12],
    [5, [1], 20],
    [3, [2], 9],
    [4, [2], 10],
    [5, [2], 11],
    [3, [3], 5],
    [4, [3], 6],
    [3, [2, 1], 8],
    [3, [2, 2], 5],
  ] as const)(
    'leaves a reader who knows the rule two values or more for each small number: below %i, groups %j',
    (below, groups, most) => {
      // All tables that look the same to a reader: which numbers each place has in them.
      const alike = new Map<string, { readonly example: number[]; readonly values: Set<number>[] }>();
      for (const divisions of worlds(groups, most)) {
        const table = tableOf(divisions);
        const numbers = table.map(({ value }) => value ?? 0);
        const shown = publicRows(table, below).map(({ value }) => value);
        const look = shown.join();
        const seen = alike.get(look) ?? { example: numbers, values: numbers.map(() => new Set<number>()) };
        for (const [place, number] of numbers.entries()) seen.values[place]?.add(number);
        alike.set(look, seen);
        for (const [place, number] of numbers.entries()) {
          if (number > 0 && number < below && shown[place] !== null) throw new Error(`${place}: ${look}`);
        }
      }
      expect(alike.size).toBeGreaterThan(10);
      for (const [look, { example, values }] of alike) {
        for (const [place, shown] of look.split(',').entries()) {
          if (shown !== '') continue;
          expect(
            values[place]?.size,
            `${place} of ${JSON.stringify(example)}, shown ${look}`,
          ).toBeGreaterThan(1);
        }
      }
    },
  );

  it('has no rule for numbers of which one value alone is small', () => {
    const ones = Array.from({ length: 3 }, () => ({ fulfilled: 1, unfulfilled: 1 }));
    expect(() => publicRows(tableOf([ones]), 2)).toThrow(RangeError);
    expect(publicRows(tableOf([ones]), 3).map(({ value }) => value)).toEqual(Array(12).fill(null));
  });
});

interface Cell {
  readonly fulfilled: number;
  readonly unfulfilled: number;
}
const abouts = ['production orders by issuing State', 'production orders by regime'];

const averageOf = (n: number): FigureRow => ({
  about: abouts[0] ?? '',
  group: `G${n}`,
  figure: 'averageHours',
  value: 4,
});

/** Divisions of the same orders, with their whole. */
const tableOf = (divisions: readonly (readonly Cell[])[]): FigureRow[] => {
  const sum = (figure: keyof Cell): number =>
    (divisions[0] ?? []).reduce((total, cell) => total + cell[figure], 0);
  return [
    ...rowsOf('production orders', '', { fulfilled: sum('fulfilled'), unfulfilled: sum('unfulfilled') }),
    ...divisions.flatMap((cells, d) => cells.flatMap((cell, n) => rowsOf(abouts[d] ?? '', `G${n}`, cell))),
  ];
};

const rowsOf = (about: string, group: string, { fulfilled, unfulfilled }: Cell): FigureRow[] => [
  { about, group, figure: 'received', value: fulfilled + unfulfilled },
  { about, group, figure: 'fulfilled', value: fulfilled },
  { about, group, figure: 'unfulfilled', value: unfulfilled },
];

/** Every table of so many groups in each division, of which the divisions have the same totals. */
function* worlds(groups: readonly number[], most: number): Generator<Cell[][]> {
  const [first = 0, second] = groups;
  const seconds = new Map<string, Cell[][]>();
  for (const cells of second === undefined ? [] : cellsOf(second, 2 * most)) {
    const totals = totalsOf(cells);
    seconds.set(totals, [...(seconds.get(totals) ?? []), cells]);
  }
  for (const cells of cellsOf(first, most)) {
    if (second === undefined) yield [cells];
    else for (const others of seconds.get(totalsOf(cells)) ?? []) yield [cells, others];
  }
}

const totalsOf = (cells: readonly Cell[]): string =>
  [
    cells.reduce((sum, { fulfilled }) => sum + fulfilled, 0),
    cells.reduce((sum, { unfulfilled }) => sum + unfulfilled, 0),
  ].join();

/** So many cells, each of up to so many orders. */
function cellsOf(count: number, most: number): Cell[][] {
  if (count === 0) return [[]];
  const cells = Array.from({ length: most + 1 }, (_, fulfilled) =>
    Array.from({ length: most + 1 - fulfilled }, (_, unfulfilled) => ({ fulfilled, unfulfilled })),
  ).flat();
  return cellsOf(count - 1, most).flatMap((before) => cells.map((cell) => [...before, cell]));
}

import { csvCell } from '../audit/entry-rows.ts';
import type { OrderFigures, YearStatistics } from './count.ts';
import { type CountedOrders, type OrderCount, type OrderCounts, withheld } from './withhold.ts';

const allOrders = 'production orders';
/** Each order is in one group of these; by category it may be in several. */
const divisions = [
  'production orders by issuing State',
  'production orders by emergency',
  'production orders by regime',
];
const ofCategories = 'production orders by data category';

/** One figure: what it is about, which group of it, its name, its value. `null`: withheld, or none. */
export interface FigureRow {
  readonly about: string;
  readonly group: string;
  readonly figure: string;
  readonly value: number | null;
}

/** Counts below this could point at somebody, and are withheld from what is made public. */
export const smallestPublished = 5;

const orderFigures = ['received', 'fulfilled', 'unfulfilled', 'averageHours'] as const;

/** The statistics as a flat table, in one fixed order. */
export function figureRows(statistics: YearStatistics): FigureRow[] {
  const of = (about: string, groups: Readonly<Record<string, OrderFigures>>): FigureRow[] =>
    Object.entries(groups).flatMap(([group, figures]) =>
      orderFigures.map((figure) => ({ about, group, figure, value: figures[figure] })),
    );
  const counts = (about: string, values: Readonly<Record<string, number | null>>): FigureRow[] =>
    Object.entries(values).map(([figure, value]) => ({ about, group: '', figure, value }));
  const { production, byIssuingState, byEmergency, byCategory, byRegime } = statistics;
  return [
    ...of(allOrders, { '': production }),
    ...of('production orders by issuing State', byIssuingState),
    ...of('production orders by emergency', byEmergency),
    ...of(ofCategories, byCategory),
    ...of('production orders by regime', byRegime),
    ...counts('preservation orders', statistics.preservation),
    ...counts('holds of orders', statistics.holds),
    ...counts('decisions on orders', statistics.decisions),
    ...counts('deadlines', statistics.deadlines),
    ...counts('disclosures', statistics.disclosures),
    ...counts('refusals', statistics.refusals),
  ];
}

/**
 * The same for the public: numbers from 1 up to `below` are withheld, and so is what they would follow from.
 * An average goes with the number that it is of.
 * @throws RangeError for a `below` with which what is withheld would be known
 */
export function publicRows(rows: readonly FigureRow[], below = smallestPublished): FigureRow[] {
  const groups = new Map<string, CountedGroup>();
  for (const { about, group, figure, value } of rows) {
    if (!isAboutOrders(about) || !isOrderCount(figure)) continue;
    const key = keyOf({ about, group });
    const counted = groups.get(key) ?? { about, counts: { received: 0, fulfilled: 0, unfulfilled: 0 } };
    counted.counts[figure] = value ?? 0;
    groups.set(key, counted);
  }
  const hidden = withheld(countedOrders([...groups.values()]), below);
  const values = new Map(rows.map((row) => [`${keyOf(row)} ${row.figure}`, row.value]));
  return rows.map((row) => {
    const figure = row.figure === 'averageHours' ? averagedOf(row) : row.figure;
    const counts = groups.get(keyOf(row))?.counts;
    const value = values.get(`${keyOf(row)} ${figure}`) ?? 0;
    const isHidden =
      counts !== undefined && isOrderCount(figure)
        ? (hidden.get(counts)?.has(figure) ?? false)
        : value > 0 && value < below;
    return isHidden ? { ...row, value: null } : row;
  });
}

interface CountedGroup {
  readonly about: string;
  readonly counts: Record<OrderCount, number>;
}

function countedOrders(groups: readonly CountedGroup[]): CountedOrders {
  const of = (name: string): OrderCounts[] =>
    groups.filter(({ about }) => about === name).map(({ counts }) => counts);
  const [whole = { received: 0, fulfilled: 0, unfulfilled: 0 }] = of(allOrders);
  return { whole, divisions: divisions.map(of), overlapping: of(ofCategories) };
}

const isAboutOrders = (about: string): boolean => [allOrders, ...divisions, ofCategories].includes(about);
const isOrderCount = (figure: string): figure is OrderCount =>
  figure === 'received' || figure === 'fulfilled' || figure === 'unfulfilled';
const keyOf = ({ about, group }: Pick<FigureRow, 'about' | 'group'>): string =>
  JSON.stringify([about, group]);
/** How many there are of what an average is of. */
const averagedOf = ({ about }: FigureRow): string => (isAboutOrders(about) ? 'fulfilled' : 'followed');

/** RFC 4180, with a head. */
export function figuresCsv(year: number, rows: readonly FigureRow[]): string {
  const lines = rows.map(({ about, group, figure, value }) =>
    [String(year), about, group, figure, value === null ? '' : String(value)].map(csvCell).join(','),
  );
  return `${['year,about,group,figure,value', ...lines].join('\r\n')}\r\n`;
}

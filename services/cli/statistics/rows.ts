import { csvCell } from '../audit/entry-rows.ts';
import type { OrderFigures, YearStatistics } from './count.ts';
import { type Sum, withheld } from './withhold.ts';

const allOrders = 'production orders';
/** Each order is in one group of these; by category it may be in several. */
const divisions = [
  'production orders by issuing State',
  'production orders by emergency',
  'production orders by regime',
];

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
    ...of('production orders by data category', byCategory),
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
 */
export function publicRows(rows: readonly FigureRow[], below = smallestPublished): FigureRow[] {
  const counts = rows.map(({ figure, value }) => (figure === 'averageHours' ? null : value));
  const hidden = withheld(counts, sumsOf(rows), below);
  return rows.map((row, place) => {
    const isOfHidden =
      row.figure === 'averageHours' &&
      rows.some((other, at) => hidden.has(at) && isAveraged(other) && isSameGroup(row, other));
    return hidden.has(place) || isOfHidden ? { ...row, value: null } : row;
  });
}

/** What adds up to what: fulfilled and unfulfilled to received, the groups of a division to the whole. */
function sumsOf(rows: readonly FigureRow[]): Sum[] {
  const place = (about: string, group: string, figure: string): number =>
    rows.findIndex((row) => row.about === about && row.group === group && row.figure === figure);
  const sums: Sum[] = [];
  for (const [whole, { about, group, figure }] of rows.entries()) {
    if (figure === 'averageHours') continue;
    if (figure === 'received') {
      const parts = [place(about, group, 'fulfilled'), place(about, group, 'unfulfilled')];
      if (!parts.includes(-1)) sums.push({ whole, parts });
    }
    if (about !== allOrders) continue;
    for (const division of divisions) {
      const parts = rows.flatMap((row, at) => (row.about === division && row.figure === figure ? [at] : []));
      if (parts.length > 0) sums.push({ whole, parts });
    }
  }
  return sums;
}

/** How many there are of what an average is of. */
const isAveraged = ({ figure }: FigureRow): boolean => figure === 'fulfilled' || figure === 'followed';
const isSameGroup = (a: FigureRow, b: FigureRow): boolean => a.about === b.about && a.group === b.group;

/** RFC 4180, with a head. */
export function figuresCsv(year: number, rows: readonly FigureRow[]): string {
  const lines = rows.map(({ about, group, figure, value }) =>
    [String(year), about, group, figure, value === null ? '' : String(value)].map(csvCell).join(','),
  );
  return `${['year,about,group,figure,value', ...lines].join('\r\n')}\r\n`;
}

import { csvCell } from '../audit/entry-rows.ts';
import type { OrderFigures, YearStatistics } from './count.ts';

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
  const counts = (about: string, values: Readonly<Record<string, number>>): FigureRow[] =>
    Object.entries(values).map(([figure, value]) => ({ about, group: '', figure, value }));
  const { production, byIssuingState, byEmergency, byCategory, byRegime } = statistics;
  return [
    ...of('production orders', { '': production }),
    ...of('production orders by issuing State', byIssuingState),
    ...of('production orders by emergency', byEmergency),
    ...of('production orders by data category', byCategory),
    ...of('production orders by regime', byRegime),
    ...counts('preservation orders', statistics.preservation),
    ...counts('decisions on orders', statistics.decisions),
    ...counts('deadlines', statistics.deadlines),
    ...counts('disclosures', statistics.disclosures),
    ...counts('refusals', statistics.refusals),
  ];
}

/**
 * The same for the public: small numbers are withheld. So is a figure from which one could be worked out:
 * where a single group's number is withheld, the next smallest goes with it; where one part of a whole is,
 * the other part; where few orders were fulfilled, their average.
 */
export function publicRows(rows: readonly FigureRow[]): FigureRow[] {
  const hidden = new Set<FigureRow>(
    rows.filter(({ figure, value }) => figure !== 'averageHours' && isSmall(value)),
  );
  // What is withheld by one rule may give away what the other withheld: until nothing is added any more.
  for (let before = -1; before !== hidden.size; ) {
    before = hidden.size;
    withholdOtherPart(rows, hidden);
    withholdNextSmallest(rows, hidden);
  }
  return rows.map((row) => {
    const withheld =
      hidden.has(row) ||
      (row.figure === 'averageHours' &&
        rows.some((other) => isSameGroup(row, other) && other.figure === 'fulfilled' && hidden.has(other)));
    return withheld ? { ...row, value: null } : row;
  });
}

/** Fulfilled and unfulfilled make up the received. */
function withholdOtherPart(rows: readonly FigureRow[], hidden: Set<FigureRow>): void {
  const others: Readonly<Record<string, string>> = { fulfilled: 'unfulfilled', unfulfilled: 'fulfilled' };
  for (const row of [...hidden]) {
    const other = rows.find((one) => isSameGroup(row, one) && one.figure === others[row.figure]);
    if (other !== undefined) hidden.add(other);
  }
}

function withholdNextSmallest(rows: readonly FigureRow[], hidden: Set<FigureRow>): void {
  for (const column of columnsOf(rows)) {
    const shown = column
      .filter((row) => !hidden.has(row) && row.value !== 0)
      .sort((a, b) => (a.value ?? 0) - (b.value ?? 0));
    const isAlone = column.filter((row) => hidden.has(row)).length === 1;
    if (isAlone && shown[0] !== undefined) hidden.add(shown[0]);
  }
}

const isSmall = (value: number | null): boolean => value !== null && value > 0 && value < smallestPublished;
const isSameGroup = (a: FigureRow, b: FigureRow): boolean => a.about === b.about && a.group === b.group;

/** The groups of one figure, which add up to a total that is shown elsewhere. */
function columnsOf(rows: readonly FigureRow[]): FigureRow[][] {
  const columns = new Map<string, FigureRow[]>();
  for (const row of rows) {
    if (row.group === '' || row.figure === 'averageHours') continue;
    const name = `${row.about} ${row.figure}`;
    columns.set(name, [...(columns.get(name) ?? []), row]);
  }
  return [...columns.values()];
}

/** RFC 4180, with a head. */
export function figuresCsv(year: number, rows: readonly FigureRow[]): string {
  const lines = rows.map(({ about, group, figure, value }) =>
    [String(year), about, group, figure, value === null ? '' : String(value)].map(csvCell).join(','),
  );
  return `${['year,about,group,figure,value', ...lines].join('\r\n')}\r\n`;
}

import { type BenchResult, type BenchSeries, of, row } from '../bench.ts';
import { type Kept, type Kind, kinds, type Lookups } from './found.ts';

/** One way to keep the events, at one size. */
export interface Way {
  readonly program: string;
  readonly kept: Kept;
  readonly lookups: Lookups;
}

export interface Measured {
  readonly events: number;
  readonly days: number;
  /** Griffie first, which the others are compared with. */
  readonly ways: readonly Way[];
}

const titles: Readonly<Record<Kind, string>> = {
  rare: 'rare address, from the disk',
  frequent: 'frequent address, from the disk',
  running: 'rare address, running system',
};

const timesOf = (way: Way, kind: Kind): number[] => way.lookups[kind].map(({ ms }) => ms);
const countsOf = (lookups: Lookups, kind: Kind): number[] => lookups[kind].map(({ count }) => count);

/** @throws where tables found different numbers of events, or the logs lack an address of the events */
export function agree(tables: readonly Way[], lines: Lookups): void {
  const found = tables.map(({ lookups }) => kinds.map((kind) => countsOf(lookups, kind)).join());
  if (new Set(found).size !== 1) throw new Error(`not the same events were found: ${found.join(' | ')}`);
  if (kinds.some((kind) => countsOf(lines, kind).includes(0))) throw new Error('the logs lack an address');
}

/** Table of the greatest size, plots over all. */
export function resultOf(measured: readonly Measured[]): BenchResult {
  const last = measured.at(-1);
  const griffie = last?.ways[0];
  if (last === undefined || griffie === undefined) throw new Error('nothing was measured');
  const compared = (name: string, unit: string, values: (way: Way) => readonly number[]) => {
    const ours = row(name, unit, values(griffie));
    return last.ways.map((way) => {
      const figure = way === griffie ? ours : row(name, unit, values(way));
      return of(way.program, way === griffie ? figure : { ...figure, ratio: figure.median / ours.median });
    });
  };
  const range = (kind: Kind): string => {
    const counts = countsOf(griffie.lookups, kind);
    return `${Math.min(...counts).toLocaleString('en')} to ${Math.max(...counts).toLocaleString('en')}`;
  };
  return {
    rows: [
      ...kinds.flatMap((kind) => compared(titles[kind], 'ms', (way) => timesOf(way, kind))),
      ...compared('size', 'bytes an event', ({ kept }) => [kept.bytes / last.events]),
      ...compared('loading', 's per million events', ({ kept }) => [(kept.loadSeconds / last.events) * 1e6]),
    ],
    notes: [
      `${last.events.toLocaleString('en')} events of ${last.days} days; rare addresses of ${range('rare')} events, frequent ones of ${range('frequent')}; each lookup is of another address; all cores, in turn`,
      ...(last.ways.some(({ program }) => program.startsWith('PostgreSQL'))
        ? []
        : ['PostgreSQL is absent, and was left out']),
    ],
    ...(measured.length > 1 ? { series: kinds.flatMap((kind) => seriesOf(measured, last, kind)) } : {}),
  };
}

function seriesOf(measured: readonly Measured[], last: Measured, kind: Kind): BenchSeries[] {
  return last.ways.map(({ program }, index) => ({
    plot: `Lookup: ${titles[kind]}`,
    ...{ name: program, unit: 'ms', xLabel: 'events' },
    points: measured.map(({ events, ways }) => {
      const way = ways[index];
      return { x: events, y: way === undefined ? Number.NaN : row('', '', timesOf(way, kind)).median };
    }),
  }));
}

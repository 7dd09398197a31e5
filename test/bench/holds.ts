import { join } from 'node:path';
import { type Bench, type BenchOptions, type BenchResult, type BenchRow, row } from './bench.ts';
import { runModule, withFolder } from './child.ts';

/*
 * What holds and expiry cost: how long it takes until what an order keeps is copied, and what inserts and
 * lookups take longer while it is, and while days are removed.
 */

/** What `holds-child.ts` prints. Latencies in milliseconds, of each insert and lookup. */
interface Report {
  readonly copySeconds: number;
  readonly againSeconds: number;
  readonly removeMs: number;
  readonly memoryMb: number;
  readonly days: number;
  readonly inserts: Readonly<Record<'alone' | 'copying' | 'expiring', readonly number[]>>;
  readonly lookups: Readonly<Record<'alone' | 'copying' | 'expiring', readonly number[]>>;
}

const sizes = { full: 1_000_000, quick: 20_000 } as const;

export const holds: Bench = {
  name: 'holds',
  title: 'Holds and expiry: what an order keeps copied, days removed, on a running system',
  hasQuick: true,
  run: (options) => withFolder((folder) => run(folder, options)),
};

async function run(folder: string, { rounds, quick, progress }: BenchOptions): Promise<BenchResult> {
  const records = quick ? sizes.quick : sizes.full;
  const reports: Report[] = [];
  for (let round = 1; round <= (quick ? 1 : rounds); round++) {
    progress(`round ${round} of ${rounds}`);
    const data = join(folder, String(round));
    runModule('disclosure-fill', [data, String(records)], 'all');
    reports.push(runModule<Report>('holds-child', [data, String(records)], 'all'));
  }
  const of = (name: string, unit: string, value: (report: Report) => number): BenchRow =>
    row(name, unit, reports.map(value));
  const latencies = (what: 'inserts' | 'lookups', name: string, share: number): BenchRow[] => {
    const at = (when: keyof Report['inserts']): BenchRow =>
      of(
        when === 'alone'
          ? name
          : `${name}, ${when === 'copying' ? 'while it is copied' : 'while days are removed'}`,
        'ms',
        (report) => quantile(report[what][when], share),
      );
    const alone = at('alone');
    const beside = (one: BenchRow): BenchRow => ({ ...one, ratio: one.median / alone.median });
    return [alone, beside(at('copying')), beside(at('expiring'))];
  };
  return {
    rows: [
      of(`${records.toLocaleString('en')} records held`, 's', ({ copySeconds }) => copySeconds),
      of('records held in a second', 'records/s', ({ copySeconds }) => records / copySeconds),
      of('looked for again, nothing new', 's', ({ againSeconds }) => againSeconds),
      of('resident memory over idle', 'MB', ({ memoryMb }) => memoryMb),
      of('what was held removed', 'ms', ({ removeMs }) => removeMs),
      ...latencies('inserts', 'insert of 500 events, 99 of 100 within', 0.99),
      ...latencies('lookups', 'lookup of a rare address, 95 of 100 within', 0.95),
    ],
    notes: [
      `${(2 * records).toLocaleString('en')} events over 170 days on the encrypted disk, half of them to the address that is held; inserts and lookups in turn, without a pause; ${reports[0]?.days} days removed one after another; ratios are to the same alone`,
    ],
  };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

import { join } from 'node:path';
import { type Bench, type BenchOptions, type BenchResult, type BenchRow, row } from './bench.ts';
import { runModule, withFolder } from './child.ts';

/*
 * What expiry costs a system that runs: inserts and lookups while days are dropped one after another, as the
 * retention service drops them, beside the same without.
 */

/** What `expiry-child.ts` prints. Milliseconds, of each insert, lookup and dropped day. */
interface Report {
  readonly alone: Times;
  readonly expiring: Times;
  readonly dropMs: readonly number[];
  readonly rowsADay: number;
}
interface Times {
  readonly insertMs: readonly number[];
  readonly lookupMs: readonly number[];
}

export const expiry: Bench = {
  name: 'expiry',
  title: 'Expiry: inserts and lookups while days are dropped, beside the same without',
  hasQuick: true,
  run: (options) => withFolder((folder) => run(folder, options)),
};

async function run(folder: string, { rounds, quick, progress }: BenchOptions): Promise<BenchResult> {
  const [days, perDay] = quick ? [2, 1_000] : [15, 50_000];
  const reports: Report[] = [];
  for (let round = 1; round <= (quick ? 1 : rounds); round++) {
    progress(`round ${round} of ${rounds}`);
    const args = [join(folder, String(round)), String(days), String(perDay)];
    reports.push(runModule<Report>('expiry-child', args, 'all'));
  }
  const pair = (name: string, of: (times: Times) => number): BenchRow[] => {
    const [alone, expiring] = [reports.map((one) => of(one.alone)), reports.map((one) => of(one.expiring))];
    const plain = row(`${name}, without`, 'ms', alone);
    const during = row(`${name}, while days are dropped`, 'ms', expiring);
    return [plain, { ...during, ratio: during.median / plain.median }];
  };
  return {
    rows: [
      ...pair('insert of 500 events, half within', ({ insertMs }) => quantile(insertMs, 0.5)),
      ...pair('insert of 500 events, 95 of 100 within', ({ insertMs }) => quantile(insertMs, 0.95)),
      ...pair('lookup of an address, half within', ({ lookupMs }) => quantile(lookupMs, 0.5)),
      ...pair('lookup of an address, 95 of 100 within', ({ lookupMs }) => quantile(lookupMs, 0.95)),
      row(
        'a day dropped and seen to be gone, half within',
        'ms',
        reports.map(({ dropMs }) => quantile(dropMs, 0.5)),
      ),
    ],
    notes: [
      `${days} expired days and as many held, about ${Math.round(reports[0]?.rowsADay ?? 0)} events each; table, index and the look at the system tables for each day that is dropped; inserts and lookups take turns; ratios are to the same without`,
    ],
  };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

import { join } from 'node:path';
import { type Bench, type BenchOptions, type BenchResult, type BenchRow, row } from './bench.ts';
import { runModule, withFolder } from './child.ts';

/*
 * What expiry costs a system that runs: inserts and lookups while days are dropped one after another, as the
 * retention service drops them, beside the same without.
 */

interface Report {
  readonly insertMs: readonly number[];
  readonly lookupMs: readonly number[];
  readonly dropMs: readonly number[];
  readonly rowsADay: number;
}

const modes = ['at rest', 'expiring'] as const;

export const expiry: Bench = {
  name: 'expiry',
  title: 'Expiry: inserts and lookups while days are dropped, beside the same without',
  hasQuick: true,
  run: (options) => withFolder((folder) => run(folder, options)),
};

async function run(folder: string, { rounds, quick, progress }: BenchOptions): Promise<BenchResult> {
  const [days, perDay] = quick ? [2, 1_000] : [15, 50_000];
  const reports: Record<(typeof modes)[number], Report[]> = { 'at rest': [], expiring: [] };
  for (let round = 1; round <= rounds; round++) {
    for (const mode of modes) {
      progress(`round ${round} of ${rounds}: ${mode}`);
      const args = [join(folder, `${mode}-${round}`), mode, String(days), String(perDay)];
      reports[mode].push(runModule<Report>('expiry-child', args, 'all'));
    }
  }
  const { 'at rest': without, expiring } = reports;
  const pair = (name: string, of: (report: Report) => number): BenchRow[] => {
    const plain = row(`${name}, without`, 'ms', without.map(of));
    const during = row(`${name}, while days are dropped`, 'ms', expiring.map(of));
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
        expiring.map(({ dropMs }) => quantile(dropMs, 0.5)),
      ),
    ],
    notes: [
      `${days} expired days and as many held, about ${Math.round(expiring[0]?.rowsADay ?? 0)} events each; table, index and the look at the system tables for each day that is dropped; inserts and lookups take turns; ratios are to the same without`,
    ],
  };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type Bench, type BenchOptions, type BenchResult, row } from './bench.ts';
import { runModule, withFolder } from './child.ts';

/* How long a service takes to have its state again: by folding the whole ledger, and from a kept state. */

interface StartReport {
  readonly entries: number;
  readonly orders: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly keepSeconds: number;
  readonly peakRssBytes: number;
}

export const ledgerStart: Bench = {
  name: 'ledger-start',
  title: 'Ledger: start of the service',
  hasQuick: true,
  run: (options) => withFolder((folder) => run(folder, options)),
};

/** Entries of the ledger; `--events` gives another number. */
const sizes = { full: 1_000_000, quick: 1_000 };

async function run(folder: string, options: BenchOptions): Promise<BenchResult> {
  const { quick, progress, events } = options;
  // The making takes a minute: three are enough for a median.
  const rounds = Math.min(options.rounds, 3);
  const size = quick ? sizes.quick : (events ?? sizes.full);
  progress(`writing ${size} entries`);
  const child = <Report>(...args: readonly string[]): Report =>
    runModule<Report>('ledger-start-child', args, 'all');
  const { key } = child<{ key: string }>('make', folder, String(size));
  const start = (kept: 'with' | 'without'): StartReport => {
    const report = child<StartReport>('start', folder, key, kept);
    if (report.entries !== size) throw new Error('not every entry was folded');
    return report;
  };
  const [folded, kept]: [StartReport[], StartReport[]] = [[], []];
  for (let round = 1; round <= rounds; round++) {
    progress(`round ${round} of ${rounds}: fold of everything`);
    folded.push(start('without'));
    progress(`round ${round} of ${rounds}: from what was kept`);
    kept.push(start('with'));
  }
  const megabytes = statSync(join(folder, 'snapshots/control-state.snapshot')).size / 1e6;
  const name = size.toLocaleString('en');
  const whole = row(
    `${name} entries: all folded`,
    's',
    folded.map(({ seconds }) => seconds),
  );
  const fromKept = row(
    `${name} entries: from the kept state`,
    's',
    kept.map(({ seconds }) => seconds),
  );
  return {
    rows: [
      whole,
      { ...fromKept, ratio: fromKept.median / whole.median },
      row(
        'all folded, processor time',
        's',
        folded.map(({ cpuSeconds }) => cpuSeconds),
      ),
      row(
        'from the kept state, processor time',
        's',
        kept.map(({ cpuSeconds }) => cpuSeconds),
      ),
      row(
        'keeping the state',
        's',
        folded.map(({ keepSeconds }) => keepSeconds),
      ),
      row(
        'peak memory, all folded',
        'MB',
        folded.map(({ peakRssBytes }) => peakRssBytes / 1e6),
      ),
      row(
        'peak memory, from the kept state',
        'MB',
        kept.map(({ peakRssBytes }) => peakRssBytes / 1e6),
      ),
    ],
    notes: [
      `the state of ${folded[0]?.orders.toLocaleString('en') ?? 0} orders and as many disclosures, ${megabytes.toFixed(1)} MB as it is kept; files in the page cache`,
      'from the opening of the ledger to the state; loading the program is not in it',
    ],
  };
}

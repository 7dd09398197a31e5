import { join } from 'node:path';
import { type Bench, type BenchOptions, type BenchResult, promised, row } from './bench.ts';
import { runModule, withFolder } from './child.ts';

/*
 * `griffie audit verify` on a ledger of a million signed entries, and on smaller ones: the time, and that
 * memory does not grow with the ledger.
 */

interface VerifyReport {
  readonly entries: number;
  readonly signaturesVerified: number;
  /** Problems and gaps; none in a ledger that was made by the rules. */
  readonly found: number;
  readonly seconds: number;
  readonly peakRssBytes: number;
}

interface Ledger {
  readonly path: string;
  readonly vkey: string;
  readonly entries: number;
  readonly seconds: number[];
  readonly peaksMb: number[];
}

/** The first only shows how time grows; the peaks of the others are compared. */
const sizes = { full: [10_000, 100_000, 1_000_000], quick: [300, 600, 1_200] } as const;
/** How much more memory ten times the entries may take. */
const flatFactor = 1.5;

export const auditVerify: Bench = {
  name: 'audit-verify',
  title: 'Audit: verification of a ledger',
  hasQuick: true,
  run: (options) => withFolder((folder) => run(folder, options)),
};

async function run(folder: string, { rounds: asked, quick, progress }: BenchOptions): Promise<BenchResult> {
  // Minutes each: three are enough for a median.
  const rounds = Math.min(asked, 3);
  const make = (entries: number): Ledger => {
    progress(`writing ${entries} entries`);
    const path = join(folder, String(entries));
    const { vkey } = runModule<{ vkey: string }>('audit-ledger-child', [path, String(entries)], 'all');
    return { path, vkey, entries, seconds: [], peaksMb: [] };
  };
  const verify = ({ path, vkey, entries }: Ledger, part: 'tree' | 'all'): VerifyReport => {
    const report = runModule<VerifyReport>('audit-verify-child', [path, vkey, part], 'all');
    if (report.entries !== entries || report.found > 0)
      throw new Error('the ledger was not verified in full');
    return report;
  };
  const [tinySize, smallSize, largeSize] = quick ? sizes.quick : sizes.full;
  const [tiny, small, large] = [make(tinySize), make(smallSize), make(largeSize)];
  const tree: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    for (const ledger of [tiny, small, large]) {
      progress(`round ${round} of ${rounds}: ${ledger.entries} entries`);
      const report = verify(ledger, 'all');
      ledger.seconds.push(report.seconds);
      ledger.peaksMb.push(report.peakRssBytes / 1e6);
    }
    progress(`round ${round} of ${rounds}: ${large.entries} entries, the tree alone`);
    tree.push(verify(large, 'tree').seconds);
  }
  const named = ({ entries }: Ledger): string => `${entries.toLocaleString('en')} entries`;
  const time = (ledger: Ledger) => row(`${named(ledger)}: tree, signatures, decisions`, 's', ledger.seconds);
  const peak = (ledger: Ledger) => row(`peak memory, ${named(ledger)}`, 'MB', ledger.peaksMb);
  const [smallPeak, largePeak] = [peak(small), peak(large)];
  const isFlat = largePeak.median <= flatFactor * smallPeak.median;
  const grows = (plot: string, name: string, unit: string, figure: typeof time) => ({
    ...{ plot, name, unit, xLabel: 'entries' },
    points: [tiny, small, large].map((ledger) => ({ x: ledger.entries, y: figure(ledger).median })),
  });
  return {
    rows: [
      time(large),
      row('the tree alone', 's', tree),
      smallPeak,
      promised(largePeak, `flat: at most ${flatFactor} times that of a tenth`, isFlat),
    ],
    notes: [
      'every entry but two carries an ES256 request, and each signature is verified; all cores; files in the page cache',
    ],
    series: [
      grows('Time to verify a ledger', 'tree, signatures, decisions', 's', time),
      grows('Memory to verify a ledger', 'peak of the process', 'MB', peak),
    ],
  };
}

import { join } from 'node:path';
import { type Bench, type BenchOptions, type BenchResult, promised, row } from './bench.ts';
import { runModule, withFolder } from './child.ts';

/*
 * `griffie audit verify` on a ledger of a million signed entries, and on one of a tenth of it: the time, and
 * that memory does not grow with the ledger.
 */

interface VerifyReport {
  readonly entries: number;
  readonly signaturesVerified: number;
  /** Problems and gaps; none in a ledger that was made by the rules. */
  readonly found: number;
  readonly seconds: number;
  readonly peakRssBytes: number;
}

const sizes = { small: 100_000, large: 1_000_000 };
/** How much more memory ten times the entries may take. */
const flatFactor = 1.5;

export const auditVerify: Bench = {
  name: 'audit-verify',
  title: 'Audit: verification of a ledger',
  run: (options) => withFolder((folder) => run(folder, options)),
};

async function run(folder: string, { rounds: asked, progress }: BenchOptions): Promise<BenchResult> {
  // Minutes each: three are enough for a median.
  const rounds = Math.min(asked, 3);
  const make = (name: keyof typeof sizes): { path: string; vkey: string; entries: number } => {
    progress(`writing ${sizes[name]} entries`);
    const path = join(folder, name);
    const { vkey } = runModule<{ vkey: string }>('audit-ledger-child', [path, String(sizes[name])], 'all');
    return { path, vkey, entries: sizes[name] };
  };
  const verify = ({ path, vkey, entries }: ReturnType<typeof make>, part: 'tree' | 'all'): VerifyReport => {
    const report = runModule<VerifyReport>('audit-verify-child', [path, vkey, part], 'all');
    if (report.entries !== entries || report.found > 0)
      throw new Error('the ledger was not verified in full');
    return report;
  };
  const [small, large] = [make('small'), make('large')];
  const [whole, tree, smallPeaks, largePeaks]: [number[], number[], number[], number[]] = [[], [], [], []];
  for (let round = 1; round <= rounds; round++) {
    progress(`round ${round} of ${rounds}: ${small.entries} entries`);
    smallPeaks.push(verify(small, 'all').peakRssBytes / 1e6);
    progress(`round ${round} of ${rounds}: ${large.entries} entries`);
    const report = verify(large, 'all');
    whole.push(report.seconds);
    largePeaks.push(report.peakRssBytes / 1e6);
    progress(`round ${round} of ${rounds}: ${large.entries} entries, the tree alone`);
    tree.push(verify(large, 'tree').seconds);
  }
  const [smallPeak, largePeak] = [
    row('peak memory, 100,000 entries', 'MB', smallPeaks),
    row('peak memory, 1,000,000 entries', 'MB', largePeaks),
  ];
  const isFlat = largePeak.median <= flatFactor * smallPeak.median;
  return {
    rows: [
      row('1,000,000 entries: tree, signatures, decisions', 's', whole),
      row('the tree alone', 's', tree),
      smallPeak,
      promised(largePeak, `flat: at most ${flatFactor} times that of a tenth`, isFlat),
    ],
    notes: [
      'every entry but two carries an ES256 request, and each signature is verified; all cores; files in the page cache',
    ],
  };
}

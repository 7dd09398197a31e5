import { type Bench, type BenchOptions, type BenchResult, type BenchRow, row } from './bench.ts';
import { runModule } from './child.ts';

/* How large a proof is and what it costs, at a million entries and at ten million: it grows by the logarithm. */

const sizes = [1_000_000, 10_000_000];
const counts = { full: 1_000, quick: 10 };

interface Measured {
  readonly makeMicros: number;
  readonly verifyMicros: number;
  readonly tiles: number;
  readonly bytes: number;
  readonly mostBytes: number;
}
interface Report {
  readonly inclusion: Measured;
  readonly consistency: Measured;
}

export const ledgerProofs: Bench = {
  name: 'ledger-proofs',
  title: 'Ledger: proofs',
  hasQuick: true,
  run: async ({ rounds, quick, progress }: BenchOptions): Promise<BenchResult> => {
    const proofs = quick ? counts.quick : counts.full;
    const rows: BenchRow[] = [];
    for (const size of sizes) {
      const reports: Report[] = [];
      for (let round = 1; round <= rounds; round++) {
        progress(`round ${round} of ${rounds}: ${size} entries`);
        reports.push(runModule<Report>('ledger-proofs-child', [size, proofs].map(String), 'one'));
      }
      for (const kind of ['inclusion', 'consistency'] as const) {
        const name = `${kind}, ${size.toLocaleString('en')} entries`;
        const figures = reports.map((report) => report[kind]);
        rows.push(
          row(
            `${name}: hashes in it`,
            'bytes',
            figures.map(({ bytes }) => bytes),
          ),
          row(
            `${name}: at most`,
            'bytes',
            figures.map(({ mostBytes }) => mostBytes),
          ),
          row(
            `${name}: made`,
            'µs',
            figures.map(({ makeMicros }) => makeMicros),
          ),
          row(
            `${name}: tiles read and checked for it`,
            '',
            figures.map(({ tiles }) => tiles),
          ),
          row(
            `${name}: verified`,
            'µs',
            figures.map(({ verifyMicros }) => verifyMicros),
          ),
        );
      }
    }
    return {
      rows,
      notes: [
        `${proofs} proofs spread over a simulated tree, processor time on one core; tiles come from memory, and nothing is kept from one proof to the next`,
      ],
    };
  },
};

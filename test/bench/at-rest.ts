import { join } from 'node:path';
import { type Bench, type BenchOptions, type BenchResult, type BenchRow, row } from './bench.ts';
import { runModule, withFolder } from './child.ts';

/*
 * What encryption at rest costs: inserts and lookups on the encrypted disk beside the same in plain, in turn,
 * and how long the engine is closed while its keys change.
 */

interface Report {
  readonly insertSeconds: number;
  readonly lookupMs: readonly number[];
  readonly changeMs: number;
  readonly lookMs: number;
  readonly files: number;
}

const sizes = { full: 200_000, quick: 20_000 } as const;

export const atRest: Bench = {
  name: 'at-rest',
  title: 'Encryption at rest: the embedded engine on its encrypted disk, beside the same in plain',
  hasQuick: true,
  run: (options) => withFolder((folder) => run(folder, options)),
};

async function run(folder: string, { rounds, quick, progress }: BenchOptions): Promise<BenchResult> {
  const events = quick ? sizes.quick : sizes.full;
  const reports: Record<'plain' | 'encrypted', Report[]> = { plain: [], encrypted: [] };
  for (let round = 1; round <= rounds; round++) {
    for (const mode of ['plain', 'encrypted'] as const) {
      progress(`round ${round} of ${rounds}: ${mode}`);
      const args = [join(folder, `${mode}-${round}`), mode, String(events)];
      reports[mode].push(runModule<Report>('at-rest-child', args, 'all'));
    }
  }
  const { plain, encrypted } = reports;
  const speed = ({ insertSeconds }: Report): number => events / insertSeconds;
  const median = ({ lookupMs }: Report): number => row('', '', lookupMs).median;
  return {
    rows: [
      row('inserts in plain', 'events/s', plain.map(speed)),
      beside(row('inserts, encrypted', 'events/s', encrypted.map(speed)), plain.map(speed)),
      row('lookup of an address in plain, median', 'ms', plain.map(median)),
      beside(row('lookup of an address, encrypted, median', 'ms', encrypted.map(median)), plain.map(median)),
      row(
        'engine closed and opened for a new key',
        'ms',
        encrypted.map(({ changeMs }) => changeMs),
      ),
      row(
        'headers of all files read',
        'ms',
        encrypted.map(({ lookMs }) => lookMs),
      ),
    ],
    notes: [
      `${events} events in batches of 5000 over 20 days; 30 addresses, each looked up once in 60 days; ${encrypted[0]?.files} files on the encrypted disk; ratios are to the same in plain`,
    ],
  };
}

const beside = (of: BenchRow, plain: readonly number[]): BenchRow => ({
  ...of,
  ratio: of.median / row('', '', plain).median,
});

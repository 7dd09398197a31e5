import { join } from 'node:path';
import { type Bench, type BenchOptions, type BenchResult, row } from './bench.ts';
import { runModule, withFolder } from './child.ts';

/*
 * Events a second from the embedded bus to an insert that is durable, in two ways: publishers that keep the
 * bus's batches full, and one source that waits for each of its publications, as the collector does.
 */

interface IngestReport {
  readonly inserted: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakRssBytes: number;
}

const fullBatches = { perPublication: 5_000, atATime: 2 };
/** What 256 KiB of a Postfix log give, one publication of a source. */
const oneSource = { perPublication: 700, atATime: 1 };

export const ingest: Bench = {
  name: 'ingest',
  title: 'Ingest: embedded bus, ingester, chDB',
  hasQuick: true,
  run: (options) => withFolder((folder) => run(folder, options)),
};

async function run(folder: string, { rounds, quick, progress }: BenchOptions): Promise<BenchResult> {
  const full = { events: quick ? 10_000 : 200_000, ...fullBatches };
  const source = { events: quick ? 1_400 : 35_000, ...oneSource };
  const measure = (load: typeof full, name: string): IngestReport => {
    const { events, perPublication, atATime } = load;
    const args = [join(folder, name), ...[events, perPublication, atATime].map(String)];
    const report = runModule<IngestReport>('ingest-child', args, 'all');
    if (report.inserted !== events) throw new Error(`${report.inserted} of ${events} events were inserted`);
    return report;
  };
  const speeds: number[] = [];
  const cpu: number[] = [];
  const peaks: number[] = [];
  const sourceSpeeds: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    progress(`round ${round} of ${rounds}: full batches`);
    const report = measure(full, `full-${round}`);
    speeds.push(report.inserted / report.seconds);
    cpu.push((report.cpuSeconds / report.inserted) * 1e6);
    peaks.push(report.peakRssBytes / 1e6);
    progress(`round ${round} of ${rounds}: one source`);
    const single = measure(source, `source-${round}`);
    sourceSpeeds.push(single.inserted / single.seconds);
  }
  return {
    rows: [
      row('full batches', 'events/s', speeds),
      row('processor time of these', 's per million events', cpu),
      row('peak memory of these, engine included', 'MB', peaks),
      row('one source that waits for each publication', 'events/s', sourceSpeeds),
    ],
    notes: [
      `${full.events} events in publications of ${full.perPublication}, ${full.atATime} at a time; one source: ${source.events} in publications of ${source.perPublication}; all cores; making the events is included`,
    ],
  };
}

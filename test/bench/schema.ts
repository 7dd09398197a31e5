import { join } from 'node:path';
import { type Bench, type BenchOptions, type BenchResult, type BenchRow, promised, row } from './bench.ts';
import { runModule, withFolder } from './child.ts';
import type { StudyReport } from './schema/study-child.ts';
import { source, variants } from './schema/variants.ts';

/*
 * How the traffic table should be laid out: the same events of a large host's half year in each schema, on an
 * encrypted disk, all looked up in the same way. docs/decisions.md has the choice.
 */

const sizes = { full: { events: 1_000_000, days: 184 }, quick: { events: 3_000, days: 3 } };
/** Lookups of each kind, each of a value that was not asked for before. */
const asked = { full: 40, quick: 4 };

export const schema: Bench = {
  name: 'schema',
  title: 'Schemas of the traffic table: size, insert, lookups',
  hasQuick: true,
  run: (options) => {
    const kept = process.env.GRIFFIE_BENCH_FOLDER;
    return kept === undefined ? withFolder((folder) => run(folder, options)) : run(kept, options);
  },
};

async function run(folder: string, { quick, events, progress }: BenchOptions): Promise<BenchResult> {
  const size = quick ? sizes.quick : sizes.full;
  const wanted = events ?? size.events;
  const chosen = quick ? variants.slice(0, 2) : variants;
  const measure = (name: string): StudyReport => {
    progress(`${wanted.toLocaleString('en')} events: ${name}`);
    const numbers = [wanted, size.days, quick ? asked.quick : asked.full];
    const args = [join(folder, 'study'), name, ...numbers.map(String)];
    return runModule<StudyReport>('schema/study-child', args, 'all');
  };
  measure(source);
  const reports = chosen.map((variant) => ({ variant, report: measure(variant.name) }));
  const bare = reports.find(({ variant }) => variant.name === 'bare')?.report.insertCpuSeconds ?? 0;
  return {
    rows: reports.flatMap(({ variant, report }) => rowsOf(variant.title, variant.name, report, bare)),
    notes: [
      `${reports[0]?.report.events.toLocaleString('en')} generated events over ${size.days} days, one part a day, on an encrypted disk; each value is looked up once, with the query condition cache off`,
      'processor time of the insert is of copying the events from another table of the engine, a day at a time',
    ],
  };
}

function rowsOf(program: string, name: string, report: StudyReport, bare: number): BenchRow[] {
  const isProduct = name === 'minutes';
  const size = row('size', 'bytes an event', [report.bytesPerEvent]);
  const own = isProduct ? promised(size, 'at most 75', report.bytesPerEvent <= 75) : size;
  const rows: BenchRow[] = [{ ...own, program }];
  if (report.insertCpuSeconds > 0) {
    const perMillion = (report.insertCpuSeconds / report.events) * 1e6;
    const ratio = report.insertCpuSeconds / bare;
    const insert = { ...row('insert', 'processor seconds per million events', [perMillion]), ratio, program };
    rows.push(isProduct ? promised(insert, 'at most twice the bare table', ratio <= 2) : insert);
  }
  for (const { name: kind, ms, rows: found } of report.lookups) {
    // Some layouts find no prefix and no domain: how long that takes says nothing.
    if (found.every((count) => count === 0)) continue;
    const lookup = row(kind, 'ms', ms);
    const p95 = [...ms].sort((a, b) => a - b)[Math.ceil(ms.length * 0.95) - 1] ?? Number.NaN;
    const late = row(`${kind}, 95 of 100 within`, 'ms', [p95]);
    const isRare = isProduct && kind.startsWith('rare');
    rows.push(
      { ...lookup, program },
      { ...(isRare ? promised(late, 'at most 50', p95 <= 50) : late), program },
    );
  }
  return rows;
}

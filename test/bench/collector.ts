import { join } from 'node:path';
import { type Bench, type BenchOptions, type BenchResult, promised, row } from './bench.ts';
import { canPin, runModule, withFolder } from './child.ts';
import { writeLog } from './postfix-log.ts';

/*
 * The whole collector on one file: reading, parsing, correlating, validating, publishing to a bus that
 * takes everything at once, fsynced checkpoints with their compaction. Speed is from the first line to the
 * last checkpoint; memory is the process's peak, Node itself included.
 */

interface CollectorReport {
  readonly events: number;
  readonly notUnderstood: number;
  readonly open: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakRssBytes: number;
}

/** Messages that come and go, and that stay in the queue. */
const sizes = { full: { mixed: 130_000, open: 200_000 }, quick: { mixed: 500, open: 500 } };
const maxMegabytes = 150;

export const collector: Bench = {
  name: 'collector',
  title: 'Collector: from a file to acknowledged events',
  hasQuick: true,
  run: (options) => withFolder((folder) => run(folder, options)),
};

async function run(folder: string, { rounds, quick, progress }: BenchOptions): Promise<BenchResult> {
  const { mixed: mixedMessages, open: openMessages } = quick ? sizes.quick : sizes.full;
  progress('writing the logs');
  const mixed = join(folder, 'mixed.log');
  const open = join(folder, 'open.log');
  const mixedLines = await writeLog(mixed, { messages: mixedMessages, concurrent: 300 });
  const openLines = await writeLog(open, { messages: openMessages, concurrent: 300, stayOpen: true });
  const follow = (path: string, state: string, lines: number): CollectorReport => {
    const report = runModule<CollectorReport>(
      'collector-child',
      [path, join(folder, state), `${lines}`],
      'one',
    );
    if (report.notUnderstood > 0) throw new Error('the generated log was not understood');
    return report;
  };
  const followOpen = (state: string): number => {
    const report = follow(open, state, openLines);
    if (report.open !== openMessages)
      throw new Error(`${report.open} messages are open, not ${openMessages}`);
    return report.peakRssBytes / 1e6;
  };
  const speeds: number[] = [];
  const cpu: number[] = [];
  const peaks: number[] = [];
  const openPeaks: number[] = [];
  const restartPeaks: number[] = [];
  let events = 0;
  for (let round = 1; round <= rounds; round++) {
    progress(`round ${round} of ${rounds}: messages that come and go`);
    const report = follow(mixed, `mixed-${round}`, mixedLines);
    events = report.events;
    speeds.push(mixedLines / report.seconds);
    cpu.push((report.cpuSeconds / mixedLines) * 1e6);
    peaks.push(report.peakRssBytes / 1e6);
    progress(`round ${round} of ${rounds}: messages that stay in the queue`);
    openPeaks.push(followOpen(`open-${round}`));
    progress(`round ${round} of ${rounds}: the same after a restart`);
    restartPeaks.push(followOpen(`open-${round}`));
  }
  const small = (name: string, values: readonly number[]) => {
    const figures = row(name, 'MB', values);
    return promised(figures, `under ${maxMegabytes} MB`, figures.max < maxMegabytes);
  };
  return {
    rows: [
      row('messages come and go', 'lines/s', speeds),
      row('processor time, start included', 's per million lines', cpu),
      row('peak memory', 'MB', peaks),
      small(`peak memory, ${openMessages.toLocaleString('en')} messages in the queue`, openPeaks),
      small('peak memory, restarted with these', restartPeaks),
    ],
    notes: [
      `${mixedLines} lines giving ${events} events; ${openLines} lines for the messages in the queue; one core${canPin ? '' : ' (not pinned: taskset is absent)'}`,
    ],
  };
}

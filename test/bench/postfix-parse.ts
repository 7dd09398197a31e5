import { join } from 'node:path';
import { type Bench, type BenchOptions, type BenchResult, promised, row } from './bench.ts';
import { canPin, has, onOneCore, runModule, secondsOf, withFolder } from './child.ts';
import { writeLog } from './postfix-log.ts';

/*
 * Postfix lines a second, header and correlation included, beside pflogsumm on the same file in the same
 * run. Each measurement is a process of its own on one core, its start included; the two programs take
 * turns, so that a busy machine is busy for both.
 */

interface ReaderReport {
  readonly notUnderstood: number;
}

const requiredRatio = 2;
const messages = { full: 130_000, quick: 500 };

export const postfixParse: Bench = {
  name: 'postfix-parse',
  title: 'Postfix: lines parsed and correlated',
  hasQuick: true,
  run: (options) => withFolder((folder) => run(folder, options)),
};

async function run(folder: string, { rounds, quick, progress }: BenchOptions): Promise<BenchResult> {
  progress('writing the log');
  const path = join(folder, 'mixed.log');
  const lines = await writeLog(path, { messages: quick ? messages.quick : messages.full, concurrent: 300 });
  const withPeer = has('pflogsumm', ['--version']);
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    progress(`round ${round} of ${rounds}: Griffie`);
    ours.push(lines / secondsOf(() => readWhole(path)));
    if (!withPeer) continue;
    progress(`round ${round} of ${rounds}: pflogsumm`);
    theirs.push(lines / secondsOf(() => onOneCore('pflogsumm', [path])));
  }
  const speed = row('Griffie', 'lines/s', ours);
  const notes = [`${lines} lines, one core each${canPin ? '' : ' (not pinned: taskset is absent)'}`];
  if (!withPeer) return { rows: [speed], notes: [...notes, 'pflogsumm is absent: nothing to compare with'] };
  const peer = row('pflogsumm', 'lines/s', theirs);
  const ratio = speed.median / peer.median;
  return {
    rows: [
      promised({ ...speed, ratio }, `at least ${requiredRatio} times pflogsumm`, ratio >= requiredRatio),
      peer,
    ],
    notes,
  };
}

function readWhole(path: string): void {
  const { notUnderstood } = runModule<ReaderReport>('postfix-reader', [path], 'one');
  if (notUnderstood > 0) throw new Error('the generated log was not understood');
}

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeLog } from './postfix-log.ts';

/*
 * Postfix lines a second, header and correlation included, beside pflogsumm on the same file in the same
 * run, and memory with 200,000 messages in the queue. Each measurement is a process of its own on one
 * core; the two programs take turns, so that a busy machine is busy for both.
 */

export interface BenchRow {
  readonly name: string;
  readonly unit: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** How many times the other program's median, where there is one. */
  readonly ratio?: number;
}

export interface BenchResult {
  readonly rows: readonly BenchRow[];
  readonly notes: readonly string[];
}

interface ReaderReport {
  readonly lines: number;
  readonly notUnderstood: number;
  readonly peakRssBytes: number;
  readonly open: number;
}

export const title = 'Postfix: lines parsed and correlated';

/** @param options.rounds measurements of each kind; at least 3 for a median that means something. */
export async function run(options: { readonly rounds: number }): Promise<BenchResult> {
  const folder = mkdtempSync(join(tmpdir(), 'griffie-bench-'));
  try {
    const mixed = join(folder, 'mixed.log');
    const open = join(folder, 'open.log');
    const lines = await writeLog(mixed, { messages: 130_000, concurrent: 300 });
    await writeLog(open, { messages: 200_000, concurrent: 300, stayOpen: true });
    return measure(options.rounds, lines, mixed, open);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function measure(rounds: number, lines: number, mixed: string, open: string): BenchResult {
  const withPeer = has('pflogsumm', '--version');
  const ours: number[] = [];
  const theirs: number[] = [];
  const peaks: number[] = [];
  const openPeaks: number[] = [];
  const tightPeaks: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const report = read(mixed);
    if (report.notUnderstood > 0) throw new Error('the generated log was not understood');
    ours.push(lines / report.wallSeconds);
    peaks.push(report.peakRssBytes / 1e6);
    if (withPeer) theirs.push(lines / secondsOf(() => onOneCore('pflogsumm', [mixed])));
    openPeaks.push(peakWithAllOpen(open, []));
    tightPeaks.push(peakWithAllOpen(open, tight));
  }
  const speed = row('Griffie', 'lines/s', ours);
  const peer = withPeer ? row('pflogsumm', 'lines/s', theirs) : undefined;
  return {
    rows: [
      peer === undefined ? speed : { ...speed, ratio: speed.median / peer.median },
      ...(peer === undefined ? [] : [peer]),
      row('peak memory, same log', 'MB', peaks),
      row('peak memory, 200,000 messages in the queue', 'MB', openPeaks),
      row(`the same with ${tight.join(' ')}`, 'MB', tightPeaks),
    ],
    notes: [
      `${lines} lines, one core each${pinned ? '' : ' (not pinned: taskset is absent)'}, start-up of the process included`,
      ...(withPeer ? [] : ['pflogsumm is absent: nothing to compare with']),
    ],
  };
}

/** V8 keeps up to 48 MB for new objects; a process that is to stay small gives it a third of that. */
const tight = ['--max-semi-space-size=8'];
const pinned = has('taskset', '--version');

function has(program: string, argument: string): boolean {
  try {
    execFileSync(program, [argument], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function onOneCore(program: string, args: readonly string[]): string {
  const [command, all] = pinned ? ['taskset', ['-c', '0', program, ...args]] : [program, [...args]];
  return execFileSync(command, all, { encoding: 'utf8', maxBuffer: 1 << 28 });
}

function secondsOf(run: () => void): number {
  const started = process.hrtime.bigint();
  run();
  return Number(process.hrtime.bigint() - started) / 1e9;
}

function read(path: string, flags: readonly string[] = []): ReaderReport & { readonly wallSeconds: number } {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const reader = fileURLToPath(new URL(`postfix-reader.${extension}`, import.meta.url));
  let output = '';
  const wallSeconds = secondsOf(() => {
    output = onOneCore(process.execPath, [...flags, reader, path]);
  });
  return { ...(JSON.parse(output) as ReaderReport), wallSeconds };
}

function peakWithAllOpen(path: string, flags: readonly string[]): number {
  const report = read(path, flags);
  if (report.open !== 200_000) throw new Error(`${report.open} messages are open, not 200,000`);
  return report.peakRssBytes / 1e6;
}

function row(name: string, unit: string, values: readonly number[]): BenchRow {
  const sorted = [...values].sort((a, b) => a - b);
  return {
    name,
    unit,
    median: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN,
    min: sorted[0] ?? Number.NaN,
    max: sorted.at(-1) ?? Number.NaN,
  };
}

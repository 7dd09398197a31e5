import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import type { Bench, BenchResult } from '../bench.ts';
import type { Results, Run } from '../results.ts';
import { type Choice, commandFor } from './command-line.ts';
import type { Display } from './display.ts';
import { type KnownSeconds, progressLine } from './progress.ts';
import { type Outcome, runBench } from './run-bench.ts';

export const machine: Run['machine'] = {
  node: process.version,
  processor: cpus()[0]?.model ?? 'unknown',
  cores: availableParallelism(),
  memoryBytes: totalmem(),
};

/** Processes that wanted to run, mean of the last minute. */
export const loadNow = (): number => Math.round((loadavg()[0] ?? 0) * 100) / 100;

export interface RunAllOptions {
  readonly display: Display;
  readonly known: KnownSeconds;
  readonly signal: AbortSignal;
  /** Module of a benchmark's process; another one in tests. */
  readonly worker?: string;
  /** Called after each benchmark with how it ended, and with the results up to then. */
  ended(bench: Bench, outcome: Outcome, results: Results): Promise<void>;
}

/** Runs the chosen benchmarks in turn until all are done or the signal says so. */
export async function runAll(choice: Choice, options: RunAllOptions): Promise<Results> {
  const { display, known, signal, ended } = options;
  const names = choice.chosen.map(({ name }) => name);
  const took: number[] = [];
  let results: Results = { format: 'griffie-bench/1', quick: choice.quick, runs: [], without: [] };
  for (const bench of choice.chosen) {
    if (signal.aborted) break;
    const before = loadNow();
    const began = new Date();
    const seconds = (): number => (Date.now() - began.getTime()) / 1000;
    const progress = (what: string): void =>
      display.show(() => progressLine({ names, took, what, elapsedSeconds: seconds() }, known));
    progress('starting');
    const outcome = await measure(bench, choice, { ...options, progress });
    display.clear();
    took.push(seconds());
    if (outcome.kind === 'done') {
      const run: Run = {
        name: bench.name,
        title: bench.title,
        at: began.toISOString(),
        command: commandFor(bench.name, choice),
        machine,
        load: { before, after: loadNow() },
        rounds: choice.rounds,
        seconds: Math.round(seconds()),
        ...outcome.result,
      };
      results = { ...results, runs: [...results.runs, run] };
    } else {
      results = { ...results, without: [...results.without, { name: bench.name, ...outcome }] };
    }
    await ended(bench, outcome, results);
  }
  return results;
}

async function measure(
  { name }: Bench,
  { rounds, quick, events }: Choice,
  { signal, worker, progress }: Pick<RunAllOptions, 'signal' | 'worker'> & { progress(what: string): void },
): Promise<Outcome> {
  const sizes = { rounds, quick, ...(events === undefined ? {} : { events }) };
  const own = worker === undefined ? {} : { worker };
  const outcome = await runBench(name, { ...sizes, ...own, signal, progress });
  return quick && outcome.kind === 'done' ? { ...outcome, result: withoutPromises(outcome.result) } : outcome;
}

/** The small sizes of a quick run say nothing of what is promised. */
function withoutPromises({ rows, ...others }: BenchResult): BenchResult {
  return { ...others, rows: rows.map(({ requirement: _, ...row }) => row) };
}

/** Promises that were not kept, benchmark by benchmark. */
export function broken({ runs }: Results): string[] {
  return runs.flatMap(({ name, rows }) =>
    rows.flatMap(({ name: figure, requirement }) =>
      requirement?.met === false ? [`${name}, ${figure}: ${requirement.text}`] : [],
    ),
  );
}

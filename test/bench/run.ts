import { rename, writeFile } from 'node:fs/promises';
import { benches } from './benches.ts';
import { type Results, readResults, resultsPath, resultsText } from './results.ts';
import { type Choice, choiceOf, helpFor } from './runner/command-line.ts';
import { createDisplay } from './runner/display.ts';
import type { KnownSeconds } from './runner/progress.ts';
import { broken, loadNow, machine, runAll } from './runner/run-all.ts';
import { machineLine, tableOf } from './table.ts';

/* `npm run bench`: runs the benchmarks and prints what they measured. */

async function main(choice: Choice, signal: AbortSignal): Promise<number> {
  const { quick, rounds, json } = choice;
  process.stdout.write(`${machineLine(machine, loadNow())}\n`);
  const results = await runAll(choice, {
    display: createDisplay(process.stderr),
    known: quick ? () => undefined : await knownSeconds(rounds),
    signal,
    async ended({ title }, outcome, soFar) {
      const text =
        outcome.kind === 'done' ? tableOf(outcome.result) : `  ${outcome.kind}: ${outcome.reason}\n`;
      process.stdout.write(`\n${title}\n${text}`);
      if (json !== undefined) await writeWhole(json, resultsText(soFar));
    },
  });
  process.stdout.write(`\n${summary(results)}\n`);
  if (signal.aborted) return 130;
  const failed = results.without.some(({ kind }) => kind === 'failed');
  return failed || broken(results).length > 0 ? 1 : 0;
}

/** From the last quoted runs, as far as there are any. */
async function knownSeconds(rounds: number): Promise<KnownSeconds> {
  const quoted = await readResults(resultsPath).catch(() => undefined);
  const known = new Map(quoted?.runs.map((run) => [run.name, run]));
  return (name) => {
    const run = known.get(name);
    return run?.seconds === undefined ? undefined : (run.seconds * rounds) / run.rounds;
  };
}

/** A run that is interrupted leaves the results up to then, never half a file. */
async function writeWhole(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

function summary(results: Results): string {
  const count = (kind: string): number => results.without.filter((one) => one.kind === kind).length;
  const counts = `${results.runs.length} done, ${count('skipped')} skipped, ${count('failed')} failed`;
  const missed = broken(results).map((promise) => `not reached: ${promise}`);
  return [counts, ...missed].join('\n');
}

const choice = choiceOf(process.argv.slice(2), benches);
if (choice === 'help') {
  process.stdout.write(helpFor(benches));
} else if ('problem' in choice) {
  process.stderr.write(`${choice.problem}\n\n${helpFor(benches)}`);
  process.exitCode = 2;
} else {
  const interrupted = new AbortController();
  // Each time: npm and timeout send it twice, and the second must not end us before the benchmark has ended.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => interrupted.abort());
  process.exitCode = await main(choice, interrupted.signal);
}

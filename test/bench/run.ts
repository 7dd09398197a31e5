import { writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import type { Bench, BenchResult } from './bench.ts';
import { benches } from './benches.ts';
import { machineLine, tableOf } from './table.ts';

/* `npm run bench`: runs the benchmarks and prints what they measured. */

const help = `Usage: npm run bench -- [NAME…] [--rounds N] [--json FILE]

Runs every benchmark, or those named, and prints medians with their spread.

${benches.map(({ name, title }) => `  ${name.padEnd(15)}${title}`).join('\n')}

  --rounds N     measurements of each kind, 1 to 99 (default 5)
  --json FILE    also write the figures as JSON
  --help         this text

Exit code: 0 all done, 1 a promised figure was not reached or a benchmark failed, 2 wrong usage.
`;

interface Choice {
  readonly chosen: readonly Bench[];
  readonly rounds: number;
  readonly json: string | undefined;
}

function choiceOf(args: readonly string[]): Choice | 'help' | { readonly problem: string } {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
  const { values, positionals } = parsed;
  if (values.help) return 'help';
  const unknown = positionals.find((name) => !benches.some((bench) => bench.name === name));
  if (unknown !== undefined) return { problem: `There is no benchmark ${unknown}` };
  if (!/^[1-9]\d?$/.test(values.rounds)) return { problem: '--rounds takes a number from 1 to 99' };
  const chosen = benches.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  return { chosen, rounds: Number(values.rounds), json: values.json };
}

function parse(args: readonly string[]) {
  const options = {
    help: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    json: { type: 'string' },
  } as const;
  return parseArgs({ args: [...args], options, allowPositionals: true });
}

/** One line that is written over on a terminal, and a line each elsewhere. */
function showProgress(text: string): void {
  process.stderr.write(process.stderr.isTTY ? `\r\u001b[K${text}` : `${text}\n`);
}

function clearProgress(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
}

async function main({ chosen, rounds, json }: Choice): Promise<number> {
  const machine = {
    node: process.version,
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    /** Averages over 1, 5 and 15 minutes, before the first benchmark. */
    load: loadavg(),
  };
  process.stdout.write(`${machineLine(machine)}\n`);
  const results: ({ name: string; title: string } & BenchResult)[] = [];
  for (const { name, title, run } of chosen) {
    const result = await run({ rounds, progress: (what) => showProgress(`${name}: ${what}`) });
    clearProgress();
    process.stdout.write(`\n${title}\n${tableOf(result)}`);
    results.push({ name, title, ...result });
  }
  if (json !== undefined) {
    const document = { at: new Date().toISOString(), machine, rounds, results };
    await writeFile(json, `${JSON.stringify(document, null, 2)}\n`);
  }
  return results.some(({ rows }) => rows.some(({ requirement }) => requirement?.met === false)) ? 1 : 0;
}

const choice = choiceOf(process.argv.slice(2));
if (choice === 'help') {
  process.stdout.write(help);
} else if ('problem' in choice) {
  process.stderr.write(`${choice.problem}\n\n${help}`);
  process.exitCode = 2;
} else {
  process.exitCode = await main(choice);
}

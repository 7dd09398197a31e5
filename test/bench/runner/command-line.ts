import { parseArgs } from 'node:util';
import type { Bench } from '../bench.ts';

/** What was asked for on the command line. */
export interface Choice {
  readonly chosen: readonly Bench[];
  readonly rounds: number;
  readonly quick: boolean;
  readonly events: number | undefined;
  readonly json: string | undefined;
}

export function helpFor(benches: readonly Bench[]): string {
  const width = Math.max(...benches.map(({ name }) => name.length)) + 2;
  return `Usage: npm run bench -- [NAME…] [--rounds N] [--events N] [--quick] [--json FILE]

Runs every benchmark, or those named, one after the other, each in processes of its own, and prints medians
with their spread. One that needs something that is not here is skipped, with the reason.

${benches.map(({ name, title }) => `  ${name.padEnd(width)}${title}`).join('\n')}

  --rounds N     measurements of each kind, 1 to 99 (default 5)
  --events N     events to measure with, 1e4 to 1e9, where a benchmark lets that be chosen
  --quick        only whether they work: small sizes, one round, no promise judged
  --json FILE    also write the figures as JSON, after each benchmark; docs/benchmarks.md is made from such
                 files by \`npm run bench:docs -- FILE…\`
  --help         this text

Exit code: 0 all done or skipped, 1 a promised figure was not reached or a benchmark failed, 2 wrong usage,
130 interrupted.
`;
}

export function choiceOf(
  args: readonly string[],
  benches: readonly Bench[],
): Choice | 'help' | { readonly problem: string } {
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
  const events = values.events === undefined ? undefined : Number(values.events);
  if (events !== undefined && !(Number.isInteger(events) && events >= 1e4 && events <= 1e9)) {
    return { problem: '--events takes a whole number from 1e4 to 1e9' };
  }
  const chosen = benches.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  return {
    chosen,
    rounds: values.quick ? 1 : Number(values.rounds),
    quick: values.quick,
    events,
    json: values.json,
  };
}

function parse(args: readonly string[]) {
  const options = {
    help: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    events: { type: 'string' },
    json: { type: 'string' },
  } as const;
  return parseArgs({ args: [...args], options, allowPositionals: true });
}

/** The command that gives such figures of one benchmark again. */
export function commandFor(name: string, { rounds, events }: Pick<Choice, 'rounds' | 'events'>): string {
  const options = events === undefined ? '' : ` --events ${events}`;
  return `npm run bench -- ${name} --rounds ${rounds}${options}`;
}

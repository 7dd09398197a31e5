import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { packageRoot } from '#shared/runtime';

/*
 * Results of benchmarks as a file: what `npm run bench -- --json FILE` writes, what docs/benchmarks.md is
 * made from. Each run stands by itself, so that runs of several days and machines can be in one file.
 */

/** The last runs whose figures are quoted. */
export const resultsPath: string = join(packageRoot, 'docs', 'benchmarks', 'results.json');

/** JSON has no word for a figure that is not finite, as the delay of what never came: it is null there. */
const figure = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.POSITIVE_INFINITY);

const rowSchema = z.strictObject({
  name: z.string(),
  unit: z.string(),
  median: figure,
  min: figure,
  max: figure,
  ratio: figure.exactOptional(),
  program: z.string().exactOptional(),
  requirement: z.strictObject({ text: z.string(), met: z.boolean() }).exactOptional(),
});

const seriesSchema = z.strictObject({
  name: z.string(),
  unit: z.string(),
  xLabel: z.string(),
  points: z
    .array(z.strictObject({ x: z.number(), y: z.number() }))
    .min(2)
    .readonly(),
  plot: z.string().exactOptional(),
});

export const runSchema = z.strictObject({
  /** Of the benchmark. */
  name: z.string().regex(/^[a-z][a-z0-9-]*$/),
  title: z.string(),
  /** When it began. */
  at: z.iso.datetime(),
  /** What gives such figures again. */
  command: z.string(),
  machine: z.strictObject({
    node: z.string(),
    processor: z.string(),
    cores: z.int(),
    memoryBytes: z.number(),
  }),
  /** Processes that wanted to run, mean of a minute. */
  load: z.strictObject({ before: z.number(), after: z.number().exactOptional() }),
  rounds: z.int(),
  /** All of it, setting up included. */
  seconds: z.number().exactOptional(),
  rows: z.array(rowSchema).min(1).readonly(),
  notes: z.array(z.string()).readonly(),
  series: z.array(seriesSchema).readonly().exactOptional(),
});

/** A benchmark that ran, with where and how. */
export type Run = z.infer<typeof runSchema>;

const resultsSchema = z.strictObject({
  format: z.literal('griffie-bench/1'),
  /** Of small sizes, to see that the benchmarks work; never quoted. */
  quick: z.boolean(),
  runs: z.array(runSchema).readonly(),
  /** Benchmarks that gave no figures, and why. */
  without: z
    .array(z.strictObject({ name: z.string(), kind: z.enum(['skipped', 'failed']), reason: z.string() }))
    .readonly(),
});

export type Results = z.infer<typeof resultsSchema>;

/** @throws where it is not there, or no such file */
export async function readResults(path: string): Promise<Results> {
  const parsed = resultsSchema.safeParse(JSON.parse(await readFile(path, 'utf8')));
  if (parsed.success) return parsed.data;
  throw new Error(`${path} is no file of results: ${z.prettifyError(parsed.error)}`);
}

export function resultsText(results: Results): string {
  return `${JSON.stringify(results, null, 2)}\n`;
}

/** The later run of each benchmark, in the order given. @throws for results of a quick run */
export function mergeResults(all: readonly Results[], order: readonly string[]): Results {
  if (all.some(({ quick }) => quick)) throw new Error('figures of a quick run are not to be quoted');
  const latest = new Map<string, Run>();
  for (const run of all.flatMap(({ runs }) => runs)) {
    if (run.at >= (latest.get(run.name)?.at ?? '')) latest.set(run.name, run);
  }
  const runs = order.flatMap((name) => latest.get(name) ?? []);
  return { format: 'griffie-bench/1', quick: false, runs, without: [] };
}

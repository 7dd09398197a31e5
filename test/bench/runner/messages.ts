import type { BenchOptions, BenchResult } from '../bench.ts';

/** What is given to the process of a benchmark. */
export type WorkerOptions = Omit<BenchOptions, 'progress'>;

/** What it tells; one of the last three ends it. */
export type WorkerMessage =
  | { readonly kind: 'progress'; readonly what: string }
  | { readonly kind: 'done'; readonly result: BenchResult }
  | { readonly kind: 'skipped'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

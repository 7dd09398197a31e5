/** One figure of a benchmark, over its rounds. */
export interface BenchRow {
  readonly name: string;
  readonly unit: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** How many times the other program's median, where there is one. */
  readonly ratio?: number;
  /** What the project promises of this figure. */
  readonly requirement?: { readonly text: string; readonly met: boolean };
}

export interface BenchResult {
  readonly rows: readonly BenchRow[];
  /** What a reader has to know of the figures: sizes, pinning, what was absent. */
  readonly notes: readonly string[];
}

export interface BenchOptions {
  /** Measurements of each kind; at least 3 for a median that means something. */
  readonly rounds: number;
  /** Told what is done now. */
  progress(what: string): void;
}

export interface Bench {
  /** By which it is chosen on the command line. */
  readonly name: string;
  readonly title: string;
  run(options: BenchOptions): Promise<BenchResult>;
}

export function row(name: string, unit: string, values: readonly number[]): BenchRow {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  const middle = (sorted.length - 1) / 2;
  return {
    name,
    unit,
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    min: at(0),
    max: at(sorted.length - 1),
  };
}

/** The row with what the project promises of it. */
export function promised(row: BenchRow, text: string, met: boolean): BenchRow {
  return { ...row, requirement: { text, met } };
}

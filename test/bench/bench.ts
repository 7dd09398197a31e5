/** One figure of a benchmark, over its rounds. */
export interface BenchRow {
  readonly name: string;
  readonly unit: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** How many times the other program's median, where there is one. */
  readonly ratio?: number;
  /**
   * Whose figure it is, where several programs are compared: rows of one name are then one line of the
   * table, with a column for each program.
   */
  readonly program?: string;
  /** What the project promises of this figure. */
  readonly requirement?: { readonly text: string; readonly met: boolean };
}

/** How a figure grows: one line of a plot. */
export interface BenchSeries {
  readonly name: string;
  /** Of y. */
  readonly unit: string;
  /** What x counts, as `events`. */
  readonly xLabel: string;
  readonly points: readonly { readonly x: number; readonly y: number }[];
  /** Title of the plot, which series of one title share; the benchmark's own title without one. */
  readonly plot?: string;
}

export interface BenchResult {
  /** None where the benchmark found that it cannot run here; the first note then says why. */
  readonly rows: readonly BenchRow[];
  /** What a reader has to know of the figures: sizes, pinning, what was absent. */
  readonly notes: readonly string[];
  readonly series?: readonly BenchSeries[];
}

export interface BenchOptions {
  /** Measurements of each kind; at least 3 for a median that means something. */
  readonly rounds: number;
  /** To see that the benchmark works, in seconds: small sizes, figures that mean nothing. */
  readonly quick: boolean;
  /** How many events to measure with, where that can be chosen and was. */
  readonly events?: number;
  /** Told what is done now. */
  progress(what: string): void;
}

export interface Bench {
  /** By which it is chosen on the command line. */
  readonly name: string;
  readonly title: string;
  /** Heeds `quick`. One that does not is left out of a quick run. */
  readonly hasQuick?: boolean;
  /** What it needs and is not here, as a reason to skip it; null where it can run. */
  missing?(): string | null;
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

/** The row as one of several programs that are compared. */
export function of(program: string, row: BenchRow): BenchRow {
  return { ...row, program };
}

/*
 * What is shown while benchmarks run: which of how many, what it does, how long it has taken and how long it
 * may take. Estimates come from runs before.
 */

/** Seconds that a benchmark needs; undefined where it was never measured. */
export type KnownSeconds = (name: string) => number | undefined;

export interface ProgressState {
  readonly names: readonly string[];
  /** Seconds that each benchmark before this one took. */
  readonly took: readonly number[];
  /** What the benchmark says of itself. */
  readonly what: string;
  /** Of the present benchmark. */
  readonly elapsedSeconds: number;
}

export function progressLine(state: ProgressState, known: KnownSeconds): string {
  const { names, took, what, elapsedSeconds } = state;
  const name = names[took.length] ?? '';
  const own = estimate([name], known);
  const factor = speedOf(state, known);
  const ownText = clock(elapsedSeconds) + (own === undefined ? '' : ` of about ${clock(own * factor)}`);
  const place = `${took.length + 1}/${names.length}`;
  if (names.length === 1) return `${place} ${name}: ${what} (${ownText})`;
  const allSeconds = took.reduce((sum, seconds) => sum + seconds, elapsedSeconds);
  const left = estimate(names.slice(took.length), known);
  const all = left === undefined ? '' : ` of about ${clock(allSeconds - elapsedSeconds + left * factor)}`;
  return `${place} ${name}: ${what} (${ownText}; all ${clock(allSeconds)}${all})`;
}

/** Seconds of all of them, undefined where that of one is not known. */
function estimate(names: readonly string[], known: KnownSeconds): number | undefined {
  let sum = 0;
  for (const name of names) {
    const seconds = known(name);
    if (seconds === undefined) return undefined;
    sum += seconds;
  }
  return sum;
}

/** How many times as long as known the benchmarks before took here. */
function speedOf({ names, took }: ProgressState, known: KnownSeconds): number {
  let [measured, expected] = [0, 0];
  for (const [index, seconds] of took.entries()) {
    const before = known(names[index] ?? '');
    if (before === undefined) continue;
    measured += seconds;
    expected += before;
  }
  return expected > 0 ? measured / expected : 1;
}

export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${hours > 0 ? `${hours}:${two(minutes)}` : minutes}:${two(whole % 60)}`;
}

/** An axis: where a value lies, and which values are named on it. */
export interface Scale {
  /** Share of the axis's length, 0 to 1. */
  at(value: number): number;
  readonly ticks: readonly number[];
}

/** From this ratio of greatest to least on, a linear axis would hide the small ones. */
const logFrom = 20;

/** Logarithmic where the values span more than an order of magnitude, else linear from zero. */
export function scaleFor(values: readonly number[]): Scale {
  const [least, greatest] = [Math.min(...values), Math.max(...values)];
  return least > 0 && greatest / least >= logFrom ? logScale(least, greatest) : linearScale(greatest);
}

function logScale(least: number, greatest: number): Scale {
  const decades = Math.log10(greatest / least);
  const steps = decades > 2.5 ? [1] : decades > 1.7 ? [1, 3] : [1, 2, 5];
  const candidates: number[] = [];
  for (let power = Math.floor(Math.log10(least)); power <= Math.ceil(Math.log10(greatest)); power++) {
    for (const step of steps) candidates.push(Number((step * 10 ** power).toPrecision(1)));
  }
  // From the last tick that is not above the least to the first that is not below the greatest.
  const low = candidates.findLast((tick) => tick <= least) ?? least;
  const high = candidates.find((tick) => tick >= greatest) ?? greatest;
  const span = Math.log(high / low);
  return {
    at: (value) => Math.log(value / low) / span,
    ticks: candidates.filter((tick) => tick >= low && tick <= high),
  };
}

function linearScale(greatest: number): Scale {
  if (!(greatest > 0)) return { at: () => 0, ticks: [0] };
  const rough = greatest / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const count = Math.ceil(greatest / step);
  const ticks = Array.from({ length: count + 1 }, (_, n) => Number((n * step).toPrecision(6)));
  return { at: (value) => value / (count * step), ticks };
}

/*
 * Withholding small numbers from a table of which sums are shown. A number that is withheld must not follow
 * from what is left: neither from one sum, nor from several together, nor because it lies between bounds
 * that leave it one value. So whatever follows is found as a reader would find it, and one more number of
 * the sum that gives it away is withheld, until nothing follows.
 *
 * A reader knows that a withheld number is 1 or more: zeros are shown.
 */

/** Parts that add up to a whole. Numbers are named by their place in the table. */
export interface Sum {
  readonly whole: number;
  readonly parts: readonly number[];
}

/**
 * Which numbers are withheld.
 * @param values not below 0; null where there is none
 * @param below numbers from 1 up to this are withheld
 */
export function withheld(
  values: readonly (number | null)[],
  sums: readonly Sum[],
  below: number,
): ReadonlySet<number> {
  const hidden = new Set<number>();
  for (const [place, value] of values.entries()) {
    if (value !== null && value > 0 && value < below) hidden.add(place);
  }
  for (;;) {
    const given = givenAway(values, sums, hidden);
    const next = given.values().next().value;
    if (next === undefined) return hidden;
    const more = toHide(values, sums, hidden, given);
    if (more === null) return hidden;
    hidden.add(more);
  }
}

/** Withheld numbers that a reader can work out. */
export function givenAway(
  values: readonly (number | null)[],
  sums: readonly Sum[],
  hidden: ReadonlySet<number>,
): Set<number> {
  return new Set([...byBounds(values, sums, hidden), ...byElimination(sums, hidden)]);
}

/** The smallest number that is shown and stands in a sum with one that is given away. */
function toHide(
  values: readonly (number | null)[],
  sums: readonly Sum[],
  hidden: ReadonlySet<number>,
  given: ReadonlySet<number>,
): number | null {
  let best: number | null = null;
  for (const { whole, parts } of sums) {
    const members = [...parts, whole];
    if (!members.some((place) => given.has(place))) continue;
    for (const place of members) {
      const value = values[place] ?? 0;
      if (hidden.has(place) || value === 0) continue;
      if (best === null || value < (values[best] ?? 0)) best = place;
    }
  }
  return best;
}

/** Numbers whose lower and upper bound meet, by the bounds of the others in their sums. */
function byBounds(
  values: readonly (number | null)[],
  sums: readonly Sum[],
  hidden: ReadonlySet<number>,
): number[] {
  const low = values.map((value, place) => (hidden.has(place) ? 1 : (value ?? 0)));
  const high = values.map((value, place) => (hidden.has(place) ? Number.POSITIVE_INFINITY : (value ?? 0)));
  const at = (list: readonly number[], place: number): number => list[place] ?? 0;
  for (let changed = true; changed; ) {
    changed = false;
    const narrow = (place: number, from: number, to: number): void => {
      if (from > at(low, place)) [low[place], changed] = [from, true];
      if (to < at(high, place)) [high[place], changed] = [to, true];
    };
    for (const { whole, parts } of sums) {
      const total = (list: readonly number[]): number => parts.reduce((sum, part) => sum + at(list, part), 0);
      narrow(whole, total(low), total(high));
      for (const part of parts) {
        const others = (list: readonly number[]): number =>
          parts.reduce((sum, other) => (other === part ? sum : sum + at(list, other)), 0);
        narrow(part, at(low, whole) - others(high), at(high, whole) - others(low));
      }
    }
  }
  return [...hidden].filter((place) => at(low, place) === at(high, place));
}

/** Numbers that the sums, taken as equations, have one solution for. */
function byElimination(sums: readonly Sum[], hidden: ReadonlySet<number>): number[] {
  const unknown = [...hidden];
  // Coefficients alone: whether a number follows does not hang on what is on the other side.
  const rows = sums.map(({ whole, parts }) =>
    unknown.map((place) => (place === whole ? -1 : 0) + (parts.includes(place) ? 1 : 0)),
  );
  let rank = 0;
  for (let column = 0; column < unknown.length && rank < rows.length; column++) {
    const pivot = rows.findIndex((row, index) => index >= rank && Math.abs(row[column] ?? 0) > 1e-9);
    if (pivot === -1) continue;
    const [row = []] = rows.splice(pivot, 1);
    const scale = row[column] ?? 1;
    const unit = row.map((coefficient) => coefficient / scale);
    for (const [index, other] of rows.entries()) {
      const factor = other[column] ?? 0;
      rows[index] = other.map((coefficient, at) => coefficient - factor * (unit[at] ?? 0));
    }
    rows.splice(rank++, 0, unit);
  }
  // A row with one number left says what it is.
  return rows.flatMap((row) => {
    const left = row.flatMap((coefficient, at) => (Math.abs(coefficient) > 1e-9 ? [at] : []));
    const [only] = left;
    return left.length === 1 && only !== undefined ? [unknown[only] ?? -1] : [];
  });
}

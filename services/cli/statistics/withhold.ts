/*
 * Withholding small numbers of orders from what is made public. A reader sees the sums and knows this rule, and
 * must be left two possible values or more for each number that is withheld for being small. To choose the next
 * number to withhold by its size would say something about those that were chosen; so whole groups are withheld
 * together, by what stays the same when they change places:
 *
 * 1. Within a division, groups that hold a small number are withheld, with as many of the smallest others as it
 *    takes until no figure is the same in all that are withheld. Any two of them may have changed places.
 * 2. Where a total of what was fulfilled or not is small, or no such groups can be found, what was fulfilled and
 *    what was not is withheld everywhere: one order or two may be unfulfilled, of any group.
 * 3. Where all orders together are few, or a division's groups have all received the same small number, all is
 *    withheld: the groups of the longest division may have received one each or two.
 *
 * Groups that received nothing are shown. test/unit/retention/statistics.test.ts tries every table of small worlds.
 */

/** Orders of a group; `received` is the sum of the two others. */
export interface OrderCounts {
  readonly received: number;
  readonly fulfilled: number;
  readonly unfulfilled: number;
}
export type OrderCount = keyof OrderCounts;

export interface CountedOrders {
  readonly whole: OrderCounts;
  /** Each the whole, divided into groups. */
  readonly divisions: readonly (readonly OrderCounts[])[];
  /** Groups that an order may be in several of: they add up to nothing that is shown. */
  readonly overlapping: readonly OrderCounts[];
}

/** With 2, what is withheld would be 1. */
export const leastWithheldBelow = 3;

const ofOutcome: readonly OrderCount[] = ['fulfilled', 'unfulfilled'];
const allCounts: readonly OrderCount[] = ['received', ...ofOutcome];

/**
 * Which counts are withheld, of which groups.
 * @param below numbers from 1 up to this are small
 * @throws RangeError below {@link leastWithheldBelow}
 */
export function withheld(
  { whole, divisions, overlapping }: CountedOrders,
  below: number,
): ReadonlyMap<OrderCounts, ReadonlySet<OrderCount>> {
  if (below < leastWithheldBelow) throw new RangeError('what is withheld would have one value');
  const isSmall = (count: number): boolean => count > 0 && count < below;
  const any = (groups: readonly OrderCounts[], counts: readonly OrderCount[]): boolean =>
    groups.some((group) => counts.some((count) => isSmall(group[count])));
  const received = divisions.map((groups) => groups.filter((group) => group.received > 0));
  const inSeveral = overlapping.filter((group) => group.received > 0);
  const everywhere = [whole, ...received.flat(), ...inSeveral];
  const hidden = new Map<OrderCounts, Set<OrderCount>>(everywhere.map((group) => [group, new Set()]));
  const hide = (groups: readonly OrderCounts[], counts: readonly OrderCount[]): void => {
    for (const group of groups) for (const count of counts) hidden.get(group)?.add(count);
  };

  const isUniform = (groups: readonly OrderCounts[]): boolean =>
    any(groups, ['received']) && valuesOf(groups, 'received').size === 1;
  if (isSmall(whole.received) || received.some(isUniform)) {
    hide(everywhere, allCounts);
    return hidden;
  }
  const exchangeable = received.map((groups) => exchangeableOf(groups, allCounts, isSmall));
  if (any([whole], ofOutcome) || exchangeable.includes(null)) {
    hide(everywhere, ofOutcome);
    for (const groups of received) hide(exchangeableOf(groups, ['received'], isSmall) ?? [], ['received']);
  } else {
    for (const groups of exchangeable) {
      // What none of them has is seen from the sums.
      const counts = allCounts.filter((count) => groups?.some((group) => group[count] > 0));
      hide(groups ?? [], counts);
    }
  }
  if (any(inSeveral, ['received'])) hide(inSeveral, allCounts);
  else if (any(inSeveral, ofOutcome)) hide(inSeveral, ofOutcome);
  return hidden;
}

/**
 * The groups with a small count and as many of the smallest others as it takes for each count to differ among
 * them, or to be 0 in all. Who is chosen does not change when the chosen change places.
 * @returns null if there are none that differ
 */
function exchangeableOf(
  groups: readonly OrderCounts[],
  counts: readonly OrderCount[],
  isSmall: (count: number) => boolean,
): readonly OrderCounts[] | null {
  const small = groups.filter((group) => counts.some((count) => isSmall(group[count])));
  if (small.length === 0) return [];
  const sizes = [0, ...valuesOf(groups, 'received')].sort((a, b) => a - b);
  for (const size of sizes) {
    const chosen = groups.filter((group) => group.received <= size || small.includes(group));
    const differs = (count: OrderCount): boolean => {
      const values = valuesOf(chosen, count);
      return values.size > 1 || values.has(0);
    };
    if (counts.every(differs)) return chosen;
  }
  return null;
}

const valuesOf = (groups: readonly OrderCounts[], count: OrderCount): Set<number> =>
  new Set(groups.map((group) => group[count]));

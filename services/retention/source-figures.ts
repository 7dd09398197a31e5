import type { SourceFigures } from '#shared/control';
import type { CountedDay, SourceDays } from '#shared/store';

/**
 * The figures of a day, source by source, in their order: what collectors counted, and what the store has.
 * @param counted of the day and of all that follow, for a kill may have come before midnight and the next
 * start after it
 */
export async function readFigures(
  sourceDays: SourceDays,
  day: string,
  counted: readonly CountedDay[],
): Promise<SourceFigures[]> {
  const tallies = counted.filter((tally) => tally.day === day);
  const stored = new Map((await sourceDays.stored(day)).map((one) => [one.sourceId, one]));
  const rejected = await sourceDays.rejected(day);
  const names = new Set([...tallies.map(({ sourceId }) => sourceId), ...stored.keys(), ...rejected.keys()]);
  const figures: SourceFigures[] = [];
  for (const source of [...names].sort()) {
    const own = tallies.filter(({ sourceId }) => sourceId === source);
    const sum = (member: (typeof summed)[number]): number =>
      own.reduce((total, tally) => total + tally[member], 0);
    const resumedOn = counted.filter(
      ({ sourceId, resumedFrom, day: later }) =>
        sourceId === source && resumedFrom !== null && resumedFrom <= day && later > day,
    );
    let again = 0;
    for (const { day: later } of resumedOn) again += await sourceDays.again(source, day, later);
    figures.push({
      source: source === '' ? unnamed : source,
      ...(Object.fromEntries(summed.map((member) => [member, sum(member)])) as Record<
        (typeof summed)[number],
        number
      >),
      stored: stored.get(source)?.events ?? 0,
      rows: stored.get(source)?.rows ?? 0,
      again,
      rejected: rejected.get(source) ?? 0,
      readAnew: Math.max(0, own.length - 1),
    });
  }
  return figures;
}

/** Of a rejected record that names no source; no source can be called so. */
const unnamed = '(none)';

const summed = [
  'lines',
  'repeated',
  'ignored',
  'notUnderstood',
  'understood',
  'gaps',
  'invalid',
  'events',
] as const;

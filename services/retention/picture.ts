import type { PictureDay } from '#shared/retention';
import { type DayHeld, dayExpiresAt, dayOf, isDayExpired, type RetentionPeriod } from '#shared/store';

const dayMs = 86_400_000;
/** Days that are drawn as gone, before the oldest one held. */
const shownGone = 31;

/** Days of traffic as they are drawn: what is there, and the month that went before it. */
export function daysOfPicture(
  held: readonly DayHeld[],
  now: number,
  period: RetentionPeriod,
  through: string,
): PictureDay[] {
  const there = new Map<string, { rows: number; bytes: number }>();
  for (const { table, day, state, rows, bytes } of held) {
    if (table !== 'traffic') continue;
    const before = there.get(day) ?? { rows: 0, bytes: 0 };
    there.set(day, { rows: before.rows + (state === 'active' ? rows : 0), bytes: before.bytes + bytes });
  }
  const gone = Array.from({ length: shownGone }, (_, back) =>
    dayOf(Date.parse(`${through}T00:00:00.000Z`) - back * dayMs),
  ).filter((day) => !there.has(day));
  const days = [...there].map(([day, counts]): PictureDay => {
    const soon = dayExpiresAt(day, period) - now <= 7 * dayMs;
    const state = isDayExpired(day, now, period) ? 'due' : soon ? 'next' : 'held';
    return { day, ...counts, state };
  });
  return [...days, ...gone.map((day): PictureDay => ({ day, rows: 0, bytes: 0, state: 'gone' }))].sort(
    (a, b) => (a.day < b.day ? -1 : 1),
  );
}

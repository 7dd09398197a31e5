import { maxRunDays, type RemovedDay } from '#shared/control';
import { type DayHeld, isDayExpired, lastExpiredDay, type RetentionPeriod } from '#shared/store';

/** What is past its time. */
export interface RunPlan {
  /** Last day that is wholly past its period. */
  readonly through: string;
  /** What is there of the days up to then, the oldest first; at most as many as one run takes. */
  readonly expired: readonly RemovedDay[];
  /** Whether there are more of them than one run takes. */
  readonly more: boolean;
  /** The days that go next, at most three. */
  readonly next: readonly RemovedDay[];
}

/**
 * What the tables hold that is past its time, by what the engine lists. The parts of a day are one: what is
 * active and can be read, files of former merges, and what was detached. Rows are of what can be read; where
 * that is none, of what is left.
 */
export function planRun(held: readonly DayHeld[], now: number, period: RetentionPeriod): RunPlan {
  const days = joinStates(held);
  const expired = days.filter(({ day }) => isDayExpired(day, now, period));
  return {
    through: lastExpiredDay(now, period),
    expired: expired.slice(0, maxRunDays),
    more: expired.length > maxRunDays,
    next: days.filter(({ day }) => !isDayExpired(day, now, period)).slice(0, 3),
  };
}

function joinStates(held: readonly DayHeld[]): RemovedDay[] {
  const joined = new Map<
    string,
    { place: string; day: string; active: number; other: number; bytes: number }
  >();
  for (const { table, day, state, rows, bytes } of held) {
    const of = joined.get(`${day} ${table}`) ?? { place: table, day, active: 0, other: 0, bytes: 0 };
    if (state === 'active') of.active += rows;
    else of.other += rows;
    of.bytes += bytes;
    joined.set(`${day} ${table}`, of);
  }
  return [...joined.values()]
    .sort((a, b) => (a.day + a.place < b.day + b.place ? -1 : 1))
    .map(({ place, day, active, other, bytes }) => ({
      place,
      day,
      rows: active > 0 ? active : other,
      bytes,
    }));
}

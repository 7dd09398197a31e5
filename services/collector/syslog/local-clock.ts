import { dayStartMs, isDay, msPerDay, msPerMinute } from './calendar.ts';
import { createTimeZone } from './time-zone.ts';

/** What RFC 3164 gives of a time: no year, no zone. `month` and `day` count from 1. */
export interface YearlessMinute {
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
}

export interface ResolvedTime {
  readonly timeMs: number;
  readonly note: 'year' | 'ambiguous';
}

/** Completes times that have neither year nor zone. */
export interface LocalClock {
  /**
   * @param seconds seconds within the minute.
   * @param previousMs time of the source's previous line, absent before its first.
   * @returns null where there is no such day in any year that comes into question.
   */
  resolve(minute: YearlessMinute, seconds: number, previousMs: number | undefined): ResolvedTime | null;
}

/** How far lines may run behind each other before the repeated hour of autumn is taken to have begun again. */
const disorderMs = msPerMinute;

/**
 * The year is inferred. A source's first line is the latest such date that is not more than a day after
 * `referenceMs`; every later line is the one nearest to the line before it, which holds across New Year,
 * across months of silence, and where lines of several hosts are a little out of order. In the repeated
 * hour of autumn the earlier instant is taken until lines run backwards.
 *
 * @param zoneName IANA zone of the mail server's clock.
 * @param referenceMs a time that the first line cannot lie after: when the file was last written.
 */
export function createLocalClock(zoneName: string, referenceMs: number): LocalClock {
  const zone = createTimeZone(zoneName);
  // The zone and the year are worked out once for each minute of log.
  let cachedMinute = -1;
  let cachedYear = 0;
  let cachedYearFirst = false;
  let first = 0;
  let second = 0;

  return {
    resolve({ month, day, hour, minute }, seconds, previousMs) {
      const key = ((month * 32 + day) * 24 + hour) * 60 + minute;
      const isFirst = previousMs === undefined;
      const sameMinute =
        key === cachedMinute &&
        isFirst === cachedYearFirst &&
        (isFirst || Math.abs(first - previousMs) < msPerDay);
      if (!sameMinute) {
        const minuteOfDayMs = (hour * 60 + minute) * msPerMinute;
        const year = inferYear(month, day, minuteOfDayMs, previousMs, referenceMs);
        if (year === null) return null;
        cachedMinute = key;
        cachedYearFirst = isFirst;
        cachedYear = year;
        ({ first, second } = zone.instantsOf(dayStartMs(cachedYear, month, day) + minuteOfDayMs));
      }
      const early = first + seconds * 1000;
      if (first === second) return { timeMs: early, note: 'year' };
      const again = previousMs !== undefined && early < previousMs - disorderMs;
      return { timeMs: again ? second + seconds * 1000 : early, note: 'ambiguous' };
    },
  };
}

function inferYear(
  month: number,
  day: number,
  minuteOfDayMs: number,
  previousMs: number | undefined,
  referenceMs: number,
): number | null {
  const reference = previousMs ?? referenceMs;
  const referenceYear = new Date(reference).getUTCFullYear();
  let best: number | null = null;
  let bestDistance = Number.POSITIVE_INFINITY;
  // Eight years back, for the leap day: 1896 to 1904, 2096 to 2104.
  for (let year = referenceYear + 1; year >= referenceYear - 8; year--) {
    if (!isDay(year, month, day)) continue;
    const distance = dayStartMs(year, month, day) + minuteOfDayMs - reference;
    if (previousMs === undefined) {
      if (distance <= msPerDay) return year;
    } else if (Math.abs(distance) < bestDistance) {
      best = year;
      bestDistance = Math.abs(distance);
    }
  }
  return best;
}

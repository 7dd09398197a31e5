import { msPerDay } from './calendar.ts';

/** The instants that a local time can mean. */
export interface Instants {
  /** Milliseconds since the epoch; in the repeated hour of a clock change the earlier instant. */
  readonly first: number;
  /** The later instant of a repeated hour; equal to `first` where the local time is unique. */
  readonly second: number;
}

/** A time zone of the IANA database, as the mail server's local clock follows it. */
export interface TimeZone {
  /**
   * @param localMs the local time, counted in milliseconds as if it were UTC. A time that the clock
   *   skipped in spring is read with the offset from before the change.
   */
  instantsOf(localMs: number): Instants;
}

/**
 * @param name IANA name (`Europe/Amsterdam`, `UTC`).
 * @throws RangeError where the name is unknown.
 */
export function createTimeZone(name: string): TimeZone {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: name,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });

  const offsetAt = (instant: number): number => {
    const part: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(instant)) part[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instant / 1000) * 1000;
  };

  return {
    instantsOf(localMs) {
      // No zone is a day away from UTC, and none changes its clock twice in two days.
      const before = offsetAt(localMs - msPerDay);
      const after = offsetAt(localMs + msPerDay);
      const early = localMs - before;
      if (before === after) return { first: early, second: early };
      const late = localMs - after;
      const earlyHolds = offsetAt(early) === before;
      const lateHolds = offsetAt(late) === after;
      if (earlyHolds && lateHolds) return { first: early, second: late };
      const only = lateHolds ? late : early;
      return { first: only, second: only };
    },
  };
}

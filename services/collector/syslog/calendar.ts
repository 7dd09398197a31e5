/*
 * The proleptic Gregorian calendar in integers. `Date.UTC` gives the same, but maps the years 0–99 and
 * rolls invalid days over into the next month; a time stamp with an invalid day must be refused instead.
 */

const monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

export const msPerMinute = 60_000;
export const msPerDay = 86_400_000;

/** Days in a month; `month` is 1–12. */
export function daysInMonth(year: number, month: number): number {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 && leap ? 29 : (monthDays[month - 1] ?? 0);
}

/** Whether the day exists; `month` and `day` count from 1. */
export function isDay(year: number, month: number, day: number): boolean {
  return month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month);
}

/** Milliseconds from the epoch to the start of a day in UTC. The day must exist. */
export function dayStartMs(year: number, month: number, day: number): number {
  // Years run from March, so that the leap day is the last of its year.
  const y = month > 2 ? year : year - 1;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return (era * 146_097 + dayOfEra - 719_468) * msPerDay;
}

import { z } from 'zod';

const periodPattern = /^P(?:(\d{1,3})D|T(\d{1,3})H)$/;

/** A period as rules state it: ISO 8601, whole days or whole hours: `P10D`, `PT8H`. */
export const periodSchema = z.string().regex(periodPattern, 'is no period of days or hours, such as P10D');
export type Period = z.infer<typeof periodSchema>;

/**
 * Milliseconds of a period. A day is 24 hours, counted from the instant itself: the reading that ends first.
 * Whether Regulation (EEC, Euratom) No 1182/71 counts otherwise is for counsel.
 */
export function periodMs(period: Period): number {
  const [, days, hours] = periodPattern.exec(period) ?? [];
  return days === undefined ? Number(hours) * 3_600_000 : Number(days) * 86_400_000;
}

/** The instant a period after another. Both RFC 3339 UTC with milliseconds. */
export function addPeriod(from: string, period: Period): string {
  return addMs(from, periodMs(period));
}

export function addMs(from: string, milliseconds: number): string {
  return new Date(Date.parse(from) + milliseconds).toISOString();
}

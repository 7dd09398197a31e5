/** How long events are kept, counted from collection: whole calendar months in UTC. */
export interface RetentionPeriod {
  readonly months: number;
}

/** Bounds of the period: no retention duty known asks for more than two years. */
const mostMonths = 24;

export const defaultRetention: RetentionPeriod = { months: 6 };

/**
 * Parses an ISO 8601 duration of whole months, `P1M` to `P24M`.
 * @returns null for anything else.
 */
export function parseRetentionPeriod(text: string): RetentionPeriod | null {
  const months = Number(/^P(\d{1,2})M$/.exec(text)?.[1] ?? 0);
  return months >= 1 && months <= mostMonths ? { months } : null;
}

/**
 * The same time of day a number of calendar months on (back where negative), on the month's last day
 * where it has no such day: 31 August and six months are 28 or 29 February. Milliseconds since the epoch,
 * in and out; as ClickHouse's `addMonths` and TTL count.
 */
function addMonths(at: number, months: number): number {
  const date = new Date(at);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + months);
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(day, lastDay));
  return date.getTime();
}

/** First instant at which an event collected at `collectedAt` may no longer be read. */
export function expiresAt(collectedAt: number, period: RetentionPeriod): number {
  return addMonths(collectedAt, period.months);
}

/** Whether an event collected at `collectedAt` may be read at `now`. */
export function isRetained(collectedAt: number, now: number, period: RetentionPeriod): boolean {
  return expiresAt(collectedAt, period) > now;
}

/**
 * An instant at or before which everything collected has expired at `now`. Only a bound, for leaving out
 * whole days at once: where a month is shorter, days at its end expire on one date (28 to 31 August all do
 * on 28 February), so that `isRetained` must be asked of each event as well.
 */
export function expiredUpTo(now: number, period: RetentionPeriod): number {
  return addMonths(now, -period.months);
}

import type { RetentionRecord, RetentionView } from '#shared/retention';
import { type Logger, utc } from '#shared/runtime';
import { type DayHeld, dayExpiresAt, expiringTables, type RetentionPeriod } from '#shared/store';
import { versionOf } from './removal.ts';
import type { Overdue } from './status.ts';

/** How long something may be there after its time (DESIGN.md, promise 5). */
const graceMs = 86_400_000;
const dayMs = 86_400_000;

/** Days of tables that are there longer than that, or longer than that after a shorter period came. */
export function overdueDays(
  held: readonly DayHeld[],
  now: number,
  { policy, period }: { readonly policy: RetentionView['policy']; readonly period: RetentionPeriod },
): Overdue[] {
  // A period that was shortened ends days at once, which then have their time from there.
  const since = Date.parse(policy?.since ?? utc(now));
  const goneBy = (day: string): number => Math.max(dayExpiresAt(day, period), since) + graceMs;
  return expiringTables.flatMap((table) => {
    const late = held.filter(({ table: of, day }) => of === table && goneBy(day) <= now);
    const [oldest] = late;
    return oldest === undefined
      ? []
      : [{ place: table, items: new Set(late.map(({ day }) => day)).size, oldest: oldest.day }];
  });
}

/** Tells it in the log at each look, and in the ledger once a day. */
export async function alarmOf(
  overdue: readonly Overdue[],
  through: string,
  now: number,
  deps: { readonly view: RetentionView; readonly record: RetentionRecord; readonly logger: Logger },
): Promise<void> {
  const { view, record, logger } = deps;
  logger.error(
    { code: 'retention.overdue', count: overdue.length },
    'data are still there a day after their time',
  );
  const told = view.lastOverdue === null ? Number.NEGATIVE_INFINITY : Date.parse(view.lastOverdue.at);
  if (now - told < dayMs) return;
  const left = overdue.map(({ place, items, oldest }) => ({
    place,
    items,
    ...(oldest === undefined ? {} : { oldest }),
  }));
  await record.append({
    kind: 'retention.overdue',
    details: { policyVersion: versionOf(view), through, left },
  });
}

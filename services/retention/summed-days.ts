import type { SourceFigures } from '#shared/control';
import {
  type CountedDay,
  type DayHeld,
  dayOf,
  isDayExpired,
  lastExpiredDay,
  type RetentionPeriod,
  type SourceDays,
} from '#shared/store';
import { readFigures } from './source-figures.ts';

/** Days of collection in UTC, both of them with it. */
export interface DayRange {
  readonly from: string;
  readonly to: string;
}

/** A day's figures by source. */
export interface DayFigures {
  readonly day: string;
  /** Not over: what was counted and what is stored are still on their way. */
  readonly open: boolean;
  readonly sources: readonly SourceFigures[];
}

/** Both ends of the sums: what collectors counted, and what the engine lists. */
export interface SummedDays {
  readonly counted: readonly CountedDay[];
  /** Rows of traffic that are there, by day, over all replicas. */
  readonly rows: ReadonlyMap<string, number>;
  /** Whether the day's sums can be taken: something of it may still come, or what came is still there. */
  has(day: string): boolean;
}

/** After its end, a day's last events are given this long to arrive. */
const settleMs = 10 * 60_000;
const dayMs = 86_400_000;

/** @param held as the engine lists its days */
export async function readSummedDays(
  sourceDays: SourceDays,
  held: readonly DayHeld[],
  { now, period }: { readonly now: number; readonly period: RetentionPeriod },
): Promise<SummedDays> {
  const rows = new Map<string, number>();
  for (const { table, day, state, rows: n } of held) {
    if (table === 'traffic' && state === 'active') rows.set(day, (rows.get(day) ?? 0) + n);
  }
  const first = [lastExpiredDay(now, period), ...rows.keys()].sort().at(0) ?? '';
  return {
    counted: await sourceDays.counted(first, dayOf(now)),
    rows,
    has: (day) => rows.has(day) || !isDayExpired(day, now, period),
  };
}

/** The figures of days as they are at this moment; nothing is recorded. */
export async function readDays(
  sourceDays: SourceDays,
  held: readonly DayHeld[],
  { range, ...at }: { readonly range: DayRange; readonly now: number; readonly period: RetentionPeriod },
): Promise<DayFigures[]> {
  const { counted, rows, has } = await readSummedDays(sourceDays, held, at);
  const days = [...new Set([...rows.keys(), ...counted.map(({ day }) => day)])]
    .filter((day) => has(day) && day >= range.from && day <= range.to)
    .sort();
  const found: DayFigures[] = [];
  for (const day of days) {
    found.push({ day, open: !isOver(day, at.now), sources: await readFigures(sourceDays, day, counted) });
  }
  return found;
}

/** Whether the day has ended, and what was collected on it has had time to arrive. */
export const isOver = (day: string, now: number): boolean =>
  Date.parse(`${day}T00:00:00.000Z`) + dayMs + settleMs <= now;

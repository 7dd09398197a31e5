import { addMs } from './period.ts';
import type { OrderSchedule } from './schedule.ts';

/** A time during which the clock stood still: from a question to its answer, or until now. */
export interface ClockStop {
  readonly from: string;
  readonly to?: string;
}

export interface DeadlineState {
  /** When the data are due as things stand; while the clock stands still it moves on with the time. */
  readonly dueAt: string;
  readonly alarmAt: string;
  /** Whether the clock stands still at the time asked. */
  readonly stopped: boolean;
  /** Milliseconds left; below zero: by how much it was missed. */
  readonly leftMs: number;
}

/**
 * The deadline of an order at `now`. What lies before the order's receipt, or after the deadline had already
 * passed, stops nothing: a missed deadline is not mended by a question. Stops do not overlap.
 */
export function currentDeadline(
  deadline: NonNullable<OrderSchedule['deadline']>,
  receivedAt: string,
  stops: readonly ClockStop[],
  now: string,
): DeadlineState {
  let moved = 0;
  let stopped = false;
  for (const { from, to } of stops) {
    const begin = from > receivedAt ? from : receivedAt;
    const end = to ?? now;
    if (begin > addMs(deadline.at, moved) || end <= begin) continue;
    moved += Date.parse(end) - Date.parse(begin);
  }
  const last = stops.at(-1);
  if (last !== undefined && last.to === undefined) stopped = last.from <= addMs(deadline.at, moved);
  const dueAt = addMs(deadline.at, moved);
  return {
    dueAt,
    alarmAt: addMs(deadline.alarmAt, moved),
    stopped,
    leftMs: Date.parse(dueAt) - Date.parse(now),
  };
}

import type { DayOfTraffic } from './happenings.ts';
import { eventsPerHappening } from './happenings.ts';

export interface TrafficPlan {
  /** About how many events in all. */
  readonly events: number;
  readonly days: number;
  /** Milliseconds since the epoch, 00:00 UTC of the first day. */
  readonly start: number;
  readonly seed: number;
}

const dayMs = 86_400_000;

/** Mail is written on working days: relative load of Sunday to Saturday. */
const weekday = [0.5, 1.2, 1.2, 1.2, 1.2, 1.1, 0.6];

export function daysOf({ events, days, start, seed }: TrafficPlan): DayOfTraffic[] {
  const all = Array.from({ length: days }, (_, index) => start + index * dayMs);
  const loadOf = (at: number): number => weekday[new Date(at).getUTCDay()] ?? 1;
  const sum = all.reduce((total, at) => total + loadOf(at), 0);
  return all.map((at) => ({
    seed,
    start: at,
    happenings: Math.max(1, Math.round((events / eventsPerHappening) * (loadOf(at) / sum))),
  }));
}

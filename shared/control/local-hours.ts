import type { PatternThresholds } from './pattern-entries.ts';

type WorkingHours = NonNullable<PatternThresholds['workingHours']>;

const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
/** Making one takes longer than all else here. */
const formats = new Map<string, Intl.DateTimeFormat | null>();

function formatOf(zone: string): Intl.DateTimeFormat | null {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  const made = make(zone);
  formats.set(zone, made);
  return made;
}

function make(timeZone: string): Intl.DateTimeFormat | null {
  try {
    return new Intl.DateTimeFormat('en-GB', {
      timeZone,
      hourCycle: 'h23',
      ...{ weekday: 'short', year: 'numeric', month: '2-digit', day: '2-digit' },
      ...{ hour: '2-digit', minute: '2-digit' },
    });
  } catch {
    return null;
  }
}

export const isTimeZone = (zone: string): boolean => formatOf(zone) !== null;

/**
 * The local day (`2026-11-28`) of a time, and whether it lies within working hours.
 * @returns null where the zone is not known here
 */
export function hoursAt(
  { zone, from, to, days }: WorkingHours,
  at: string,
): { readonly day: string; readonly isWorking: boolean } | null {
  const parts = formatOf(zone)?.formatToParts(new Date(at));
  if (parts === undefined) return null;
  const part = (name: string): string => parts.find(({ type }) => type === name)?.value ?? '';
  const time = `${part('hour')}:${part('minute')}`;
  const weekday = weekdays.indexOf(part('weekday')) + 1;
  const day = `${part('year')}-${part('month')}-${part('day')}`;
  return { day, isWorking: days.includes(weekday) && from <= time && time < to };
}

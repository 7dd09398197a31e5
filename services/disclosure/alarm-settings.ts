import { z } from 'zod';
import { isTimeZone, type PatternThresholds, patternThresholds } from '#shared/control';
import type { Variable } from '#shared/runtime';

const threshold = z.int().min(1).max(1_000_000_000);
/** The defaults: above an office of a few people on a busy day. */
const thresholds = z.strictObject({
  refusalsOfCredential: threshold.default(20),
  refusals: threshold.default(100),
  anonymousRefusals: threshold.default(10_000),
  ordersOfPair: threshold.default(50),
  requestsOfPair: threshold.default(100),
  packagesNotFetched: threshold.default(3),
  unusedDays: threshold.default(90),
});

const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const hoursForm = /^([A-Z][a-z]{2})-([A-Z][a-z]{2}) (\d{2}:\d{2})-(\d{2}:\d{2}) ([A-Za-z0-9_+/-]{1,64})$/;

/** `Mon-Fri 07:00-19:00 Europe/Amsterdam` */
const workingHours = z.string().transform((text, context): PatternThresholds['workingHours'] => {
  const [, first = '', last = '', from = '', to = '', zone = ''] = hoursForm.exec(text) ?? [];
  const [begin, end] = [weekdays.indexOf(first) + 1, weekdays.indexOf(last) + 1];
  const days = weekdays.map((_day, i) => i + 1).filter((day) => begin > 0 && begin <= day && day <= end);
  const parsed = patternThresholds.shape.workingHours.safeParse({ zone, from, to, days });
  if (parsed.success && from < to && isTimeZone(zone)) return parsed.data;
  context.addIssue({ code: 'custom', message: 'must be such as Mon-Fri 07:00-19:00 Europe/Amsterdam' });
  return z.NEVER;
});

/**
 * Alarms on patterns. No working hours where none are named: which they are, and where, nobody can guess, and
 * an alarm every evening would teach people to overlook the others.
 */
export const alarmSettingsSchema = z
  .strictObject({ thresholds: thresholds.prefault({}), workingHours: workingHours.optional() })
  .transform(
    ({ thresholds: given, workingHours: hours }): PatternThresholds => ({
      ...given,
      ...(hours ? { workingHours: hours } : {}),
    }),
  );

/** `refusals=50,unusedDays=30` */
function readThresholds(text: string): Record<string, unknown> {
  return Object.fromEntries(
    text.split(',').map((pair) => {
      const [name = '', value = ''] = pair.split('=');
      return [name.trim(), /^[0-9]{1,9}$/.test(value.trim()) ? Number(value) : value];
    }),
  );
}

export const alarmVariables: readonly Variable[] = [
  {
    name: 'DISCLOSURE_ALARM_THRESHOLDS',
    member: 'alarms.thresholds',
    about: 'from what on patterns are told, as name=number with commas between; the names are in the guide',
    default: Object.entries(thresholds.parse({}))
      .map(([name, value]) => `${name}=${value}`)
      .join(','),
    read: readThresholds,
  },
  {
    name: 'DISCLOSURE_WORKING_HOURS',
    member: 'alarms.workingHours',
    about: 'outside them what people do is told, such as Mon-Fri 07:00-19:00 Europe/Amsterdam',
  },
];

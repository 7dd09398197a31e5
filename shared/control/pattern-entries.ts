import { z } from 'zod';

/*
 * What the ledger says of alarms on patterns: which pattern, of whom in the pseudonyms that the ledger has
 * anyhow, in which period, and how often against which threshold.
 */

export const patterns = [
  /** Refusals of one credential on a day. */
  'refusals_of_credential',
  /** Refusals of known credentials on a day. */
  'refusals',
  /** Requests on a day that nobody can be held to. */
  'anonymous_refusals',
  /** A credential acted outside the working hours; once a day. */
  'odd_hours',
  /** Orders in a month that one person recorded and the same other one approved. */
  'orders_of_pair',
  /** Requests in a month by one officer under orders of the same registrar. */
  'requests_of_pair',
  /** Packages in a month that an officer asked for and did not fetch before they were removed. */
  'packages_not_fetched',
  /** A credential was used after a long time in which it was not. */
  'long_unused',
] as const;
export type Pattern = (typeof patterns)[number];

const label = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/);
const threshold = z.int().min(1);
const timeOfDay = z.string().regex(/^([01][0-9]|2[0-3]):[0-5][0-9]$/);

/** From what on something is told. Days and months are those of UTC, but for working hours. */
export const patternThresholds = z.strictObject({
  refusalsOfCredential: threshold,
  refusals: threshold,
  anonymousRefusals: threshold,
  ordersOfPair: threshold,
  requestsOfPair: threshold,
  packagesNotFetched: threshold,
  unusedDays: threshold,
  /** Absent: every hour is a working hour. */
  workingHours: z
    .strictObject({
      /** Name of the IANA time zone database. */
      zone: z.string().max(64),
      from: timeOfDay,
      /** First minute that is none any more. */
      to: timeOfDay,
      /** ISO 8601: 1 is Monday. */
      days: z.array(z.int().min(1).max(7)).min(1).max(7),
    })
    .optional(),
});
export type PatternThresholds = z.infer<typeof patternThresholds>;

export const patternDetails = {
  'pattern.alarm': z.strictObject({
    pattern: z.enum(patterns),
    /** The credential that it is about. */
    thumbprint: z
      .string()
      .regex(/^[A-Za-z0-9_-]{43}$/)
      .optional(),
    /** Or the persons: the officer; or who recorded, then who approved or asked. */
    persons: z.array(label).min(1).max(2).optional(),
    /** Day or month: `2026-11-28`, `2026-11`. */
    period: z.string().regex(/^\d{4}-\d{2}(-\d{2})?$/),
    /** How often, or for how many days unused. */
    count: z.int().min(1),
    threshold,
  }),
} as const;
export type PatternAlarm = z.infer<(typeof patternDetails)['pattern.alarm']>;

/** How often something was seen in the latest period in which it was. */
export interface PatternTally {
  readonly period: string;
  readonly count: number;
  /** Whether that was told. */
  readonly told: boolean;
}

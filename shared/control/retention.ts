import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { utcTimestamp } from '#shared/traffic';
import { matches, type ReconciledDay, reconciledDetails, withSources } from './reconciliation.ts';

/*
 * What the ledger says of expiry, and the rules for its entries: a run begins with what is to be removed,
 * and ends with a certificate that it is gone. Both name the same, so that whoever reads the ledger sees
 * what was there and when it went; a run that was cut off is finished by the next process.
 */

const count = z.int().min(0);
/** Day of collection in UTC. */
const day = z.iso.date();
/** Name of a place where data can be: `traffic`, `kafka_raw`. */
const placeName = z.string().regex(/^[a-z][a-z_]{0,31}$/);

/** Days of one run; more are several runs. Bounded by the size of an entry. */
export const maxRunDays = 200;

/** One day of one table, as the engine's system tables counted it. */
const removedDay = z.strictObject({ place: placeName, day, rows: count, bytes: count });
export type RemovedDay = z.infer<typeof removedDay>;
const days = z.array(removedDay).max(maxRunDays);

/** A place that was looked at. */
const checkedPlace = z.strictObject({
  place: placeName,
  /** `gone`: nothing past its time is there. `not_checked`: it could not be looked at, and why. */
  outcome: z.enum(['gone', 'not_checked']),
  reason: z
    .string()
    .regex(/^[a-zA-Z][A-Za-z0-9_.]{0,63}$/)
    .optional(),
});
export type CheckedPlace = z.infer<typeof checkedPlace>;

export const retentionDetails = {
  /** The period in force from this entry on. */
  'retention.configured': z.strictObject({
    /** 1, 2, …: later entries name the policy by it. */
    version: z.int().min(1),
    period: z.string().regex(/^P\d{1,2}M$/),
    /** The operator's own words about the law; of no person. */
    legalBasis: z.string().min(1).max(500),
  }),
  /** Written before anything is removed. */
  'retention.started': z.strictObject({
    policyVersion: z.int().min(1),
    /** Last day that is wholly past its period. */
    through: day,
    days: days.min(1),
    /**
     * All holds in force, into which all that they keep of these days was copied before: how many, and the
     * SHA-256 of their orders' ids, sorted, one a line. Absent where there are none.
     */
    holds: z.strictObject({ count: z.int().min(1), sha256: z.string().regex(/^[0-9a-f]{64}$/) }).optional(),
  }),
  /** Nothing collected on `through` or before is in any of the places that were checked. */
  'retention.certified': z.strictObject({
    policyVersion: z.int().min(1),
    through: day,
    /** What was there, and is gone: that of the run's beginning. */
    days,
    /** When all places had been looked at and found without it. */
    goneAt: utcTimestamp,
    places: z.array(checkedPlace).min(1).max(64),
    /** The days that go next, as they are now, so that the next certificate can be held against them. */
    next: days.max(3),
  }),
  /** Something is still there a day after its time. Told once a day, until it is gone. */
  'retention.overdue': z.strictObject({
    policyVersion: z.int().min(1),
    through: day,
    left: z
      .array(z.strictObject({ place: placeName, items: count, oldest: day.optional() }))
      .min(1)
      .max(64),
  }),
  'retention.reconciled': reconciledDetails,
  /** A released package is no longer on the server: the window for fetching it was over. */
  'retention.package_removed': z.strictObject({ bytes: count }),
} as const;

type Details = { [K in keyof typeof retentionDetails]: z.infer<(typeof retentionDetails)[K]> };
type Unsubjected = 'retention.configured' | 'retention.overdue' | 'retention.reconciled';
/** An entry about expiry as it is decided: time and actor are added by who appends it. */
export type RetentionDraft =
  | { [K in Unsubjected]: { readonly kind: K; readonly details: Details[K] } }[Unsubjected]
  | {
      [K in 'retention.started' | 'retention.certified']: {
        readonly kind: K;
        /** Id of the run, UUIDv7: the same in both. */
        readonly subject: string;
        readonly details: Details[K];
      };
    }['retention.started' | 'retention.certified'];

/** What the ledger says of expiry. */
export interface RetentionState {
  readonly policy: (Details['retention.configured'] & { readonly since: string }) | null;
  /** Begun, and neither certified. */
  readonly openRun: (Details['retention.started'] & { readonly id: string; readonly at: string }) | null;
  readonly lastCertificate:
    | (Details['retention.certified'] & { readonly id: string; readonly at: string })
    | null;
  readonly lastOverdue: (Details['retention.overdue'] & { readonly at: string }) | null;
  /** The sums of each day that is not certified as gone, the oldest first. */
  readonly reconciled: ReconciledDay[];
}

export const noRetention: RetentionState = {
  policy: null,
  openRun: null,
  lastCertificate: null,
  lastOverdue: null,
  reconciled: [],
};

/** Codes of what the rules refuse. */
export type RetentionRefusal =
  | 'retention.no_policy'
  | 'retention.policy_version'
  | 'retention.run_open'
  | 'retention.run_unknown'
  | 'retention.run_differs'
  | 'retention.hold_pending'
  | 'retention.backwards'
  | 'retention.sums';

export type RetentionDecision =
  | { readonly ok: true; readonly state: RetentionState }
  | { readonly ok: false; readonly code: RetentionRefusal };

const refuse = (code: RetentionRefusal): RetentionDecision => ({ ok: false, code });

/**
 * Whether an entry about expiry may follow, and the state that it leads to.
 * @param holds ids of the orders whose holds are in force then: no day goes before what they keep of it is
 * copied
 */
export function decideRetention(
  state: RetentionState,
  draft: RetentionDraft,
  at: string,
  holds: readonly string[],
): RetentionDecision {
  const { policy, openRun, lastCertificate } = state;
  if (draft.kind === 'retention.configured') {
    // A run is of one period: the open one ends by the policy under which it began.
    if (openRun !== null) return refuse('retention.run_open');
    if (draft.details.version !== (policy?.version ?? 0) + 1) return refuse('retention.policy_version');
    return { ok: true, state: { ...state, policy: { ...draft.details, since: at } } };
  }
  if (policy === null) return refuse('retention.no_policy');
  if (draft.details.policyVersion !== policy.version) return refuse('retention.policy_version');
  switch (draft.kind) {
    case 'retention.started':
      if (openRun !== null) return refuse('retention.run_open');
      if (!isDeepStrictEqual(draft.details.holds, namedHolds(holds))) return refuse('retention.hold_pending');
      return { ok: true, state: { ...state, openRun: { ...draft.details, id: draft.subject, at } } };
    case 'retention.certified': {
      const { days: gone, through } = draft.details;
      if (openRun === null ? gone.length > 0 : openRun.id !== draft.subject) {
        return refuse('retention.run_unknown');
      }
      if (openRun !== null && !sameDays(openRun.days, gone)) return refuse('retention.run_differs');
      // Under one policy what was certified stays certified; a longer period reaches less far back.
      const sameAsBefore = lastCertificate?.policyVersion === policy.version;
      if (sameAsBefore && through < lastCertificate.through) return refuse('retention.backwards');
      const certificate = { ...draft.details, id: draft.subject, at };
      const reconciled = state.reconciled.filter(({ day: of }) => of > through);
      return { ok: true, state: { ...state, openRun: null, lastCertificate: certificate, reconciled } };
    }
    case 'retention.overdue':
      return { ok: true, state: { ...state, lastOverdue: { ...draft.details, at } } };
    case 'retention.reconciled':
      return decideReconciliation(state, draft.details, at);
  }
}

/** Sums are of a day that is over and not certified as gone, and say of themselves whether they match. */
function decideReconciliation(
  state: RetentionState,
  details: Details['retention.reconciled'],
  at: string,
): RetentionDecision {
  const { day: of, part, sources, differing } = details;
  const through = state.lastCertificate?.through ?? '';
  if (of >= at.slice(0, 10) || of <= through) return refuse('retention.sums');
  if (differing !== sources.filter((source) => !matches(source)).length) return refuse('retention.sums');
  const before = state.reconciled.find(({ day: known }) => known === of);
  if (part > 0 && before?.part !== part - 1) return refuse('retention.sums');
  const others = state.reconciled.filter(({ day: known }) => known !== of);
  const reconciled = [...others, withSources(before, details)].sort((a, b) => (a.day < b.day ? -1 : 1));
  return { ok: true, state: { ...state, reconciled } };
}

/** These orders' holds as the beginning of a removal names them; undefined for none. */
export function namedHolds(orderIds: readonly string[]): Details['retention.started']['holds'] {
  if (orderIds.length === 0) return undefined;
  const lines = [...orderIds].sort().map((id) => `${id}\n`);
  return { count: lines.length, sha256: createHash('sha256').update(lines.join('')).digest('hex') };
}

function sameDays(a: readonly RemovedDay[], b: readonly RemovedDay[]): boolean {
  const text = (list: readonly RemovedDay[]): string =>
    list.map(({ place, day: of, rows, bytes }) => `${place} ${of} ${rows} ${bytes}`).join('\n');
  return text(a) === text(b);
}

/** Longest step of time for which the service's own entries are believed. A certificate comes each day. */
const believedStepMs = 26 * 3_600_000;

/**
 * The latest time that the ledger bears out: that of an entry which a person signed for, whose clock agreed
 * with the service's; or of an entry of the service itself within a day of what was borne out before. A
 * clock that was set ahead while the service was down is not believed until somebody signs under it.
 * @param entry its time and whether it carries a signed request that was granted
 */
export function believedTime(
  before: string,
  entry: { readonly at: string; readonly signed: boolean },
): string {
  if (entry.at <= before) return before;
  const step = Date.parse(entry.at) - Date.parse(before);
  return before === '' || entry.signed || step <= believedStepMs ? entry.at : before;
}

import { z } from 'zod';
import { periodSchema, regimeIdSchema, ruleIdSchema } from '#shared/orders';
import { categoryIds, eventTypes, utcTimestamp } from '#shared/traffic';

/*
 * What the ledger says of orders: codes, counts, digests and times. Members that came later are optional, so
 * that what an earlier version wrote can be read.
 */

const count = z.int().min(0);
const version = z.int().min(1);
const thumbprint = z.string().regex(/^[A-Za-z0-9_-]{43}$/);

/** Why a reviewer does not approve, in the operator's words. */
export const rejectionReasons = [
  'incomplete',
  'inadmissible',
  'disproportionate',
  'not_authentic',
  'other',
] as const;

/** Why an order is suspended. */
export const suspensionReasons = [
  'by_authority',
  'authenticity_doubted',
  'scope_doubted',
  'objection_expected',
  'other',
] as const;

/** Why an order is over before its time, and the status (ETSI TS 103 120) that it then has. */
export const revocations = {
  withdrawn: 'Cancelled',
  recorded_in_error: 'Cancelled',
  annulled: 'Invalid',
  not_authentic: 'Invalid',
  not_competent: 'Invalid',
} as const;
export type RevocationReason = keyof typeof revocations;
export const revocationReasons = Object.keys(revocations) as [RevocationReason, ...RevocationReason[]];

/** Grounds of the order's regime, by their ids. */
export const groundList = z.array(ruleIdSchema).min(1).max(16);

/** Counts of what an order would release, by type of event. */
export const eventCounts = z.partialRecord(z.enum(eventTypes), count);

/** Whether the document's own signature holds. */
export const signatureStates = ['valid', 'invalid', 'unsigned', 'indeterminate'] as const;

/** See `OrderSchedule`. */
const schedule = z.strictObject({
  deadline: z.strictObject({ at: utcTimestamp, alarmAt: utcTimestamp }).optional(),
  notification: z.strictObject({ waitUntil: utcTimestamp.optional(), objectUntil: utcTimestamp }).optional(),
  followUps: z
    .array(z.strictObject({ id: ruleIdSchema, by: utcTimestamp }))
    .min(1)
    .max(8)
    .optional(),
  preservation: z
    .strictObject({
      until: utcTimestamp,
      extension: periodSchema,
      extensions: count,
      confirmed: periodSchema,
    })
    .optional(),
});

/** A version of an order. Its contents are in the case file. */
const recorded = z.strictObject({
  version,
  regime: regimeIdSchema,
  regimeVersion: z.string().max(32),
  type: z.enum(['produce', 'preserve']),
  issuingState: z.string().max(2),
  emergency: z.boolean(),
  categories: z.array(z.enum(categoryIds)),
  targetCount: count,
  /** Targets that reach people whom nobody named. */
  broadTargetCount: count.optional(),
  /** Of an order to preserve. */
  issuedAt: utcTimestamp.optional(),
  receivedAt: utcTimestamp,
  validUntil: utcTimestamp,
  schedule: schedule.optional(),
  /** The order to preserve whose records it asks for. */
  preservedUnder: z.uuid({ version: 'v7' }).optional(),
  documentSignature: z
    .strictObject({ state: z.enum(signatureStates), reason: ruleIdSchema.optional() })
    .optional(),
});

export const alarmStages = ['soon', 'missed', 'follow_up_missed'] as const;

export const orderEntryDetails = {
  'order.recorded': recorded,
  /** The next version; the approval of the one before carries nothing any more. */
  'order.amended': recorded,
  /** Counts that were shown to a reviewer of a broad order. */
  'order.estimated': z.strictObject({ version, shownTo: thumbprint, counts: eventCounts, total: count }),
  /** `estimate`: what the approver confirmed to have seen. */
  'order.approved': z.strictObject({
    version,
    estimate: z.strictObject({ counts: eventCounts, total: count }).optional(),
  }),
  'order.rejected': z.strictObject({
    version,
    reason: z.enum(rejectionReasons),
    grounds: groundList.optional(),
  }),
  'order.suspended': z.strictObject({ reason: z.enum(suspensionReasons) }),
  'order.resumed': z.strictObject({ version }),
  /** Withdrawn, or found void: over for good. */
  'order.revoked': z.strictObject({ reason: z.enum(revocationReasons) }),
  /** Its time had passed when the service looked. */
  'order.expired': z.strictObject({ version, validUntil: utcTimestamp }),
  /** `stopsClock`: whether the deadline stands still until the answer. */
  'order.clarification_asked': z.strictObject({ version, grounds: groundList, stopsClock: z.boolean() }),
  /** `receivedAt`: when the answer came. */
  'order.clarification_answered': z.strictObject({ receivedAt: utcTimestamp }),
  /** The enforcing authority's answer to its notification. */
  'order.notification_answered': z.strictObject({
    version,
    answer: z.enum(['no_objection', 'objection']),
    grounds: groundList.optional(),
    receivedAt: utcTimestamp,
  }),
  /** What had to follow an emergency order was done. */
  'order.followed_up': z.strictObject({ version, followUp: ruleIdSchema }),
  'order.deadline_alarm': z.strictObject({
    version,
    stage: z.enum(alarmStages),
    dueAt: utcTimestamp,
    /** Of a follow-up. */
    followUp: ruleIdSchema.optional(),
  }),
} as const;

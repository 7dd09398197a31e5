import { z } from 'zod';
import {
  erasureReasons,
  eventCounts,
  groundList,
  orderStatuses,
  rejectionReasons,
  revocationReasons,
  signatureStates,
  suspensionReasons,
} from '#shared/control';
import { orderDraftSchema, orderLimits, ruleIdSchema } from '#shared/orders';
import { categoryIds, utcTimestamp } from '#shared/traffic';
import { mediaTypes } from '../limits.ts';
import { idSchema, timestampInput } from './members.ts';

/* What goes over the wire about orders. See `schemas.ts`. */

export const orderParams = z.strictObject({ orderId: idSchema });

/** Version of the order that is meant; absent: the first. */
const version = z.int().min(1);

const documentInput = z.strictObject({
  mediaType: z.enum(mediaTypes.document),
  /** Base64 (RFC 4648, section 4). */
  content: z
    .string()
    .max(Math.ceil((orderLimits.documentBytes * 4) / 3) + 4)
    .regex(/^[A-Za-z0-9+/]+={0,2}$/, 'is not base64'),
});

export const recordOrderBody = z.strictObject({ order: orderDraftSchema, document: documentInput });
/** `version`: the one that is replaced. */
export const amendOrderBody = recordOrderBody.extend({ version });

/** Counts that the approver confirms to have seen; asked for where the order names a domain or a prefix. */
const confirmedEstimate = z.strictObject({ counts: eventCounts, total: z.int().min(0) });
export const approveBody = z
  .strictObject({ version: version.optional(), estimate: confirmedEstimate.optional() })
  .nullish();
export const rejectBody = z.strictObject({
  version: version.optional(),
  reason: z.enum(rejectionReasons),
  grounds: groundList.optional(),
});
export const suspendBody = z.strictObject({ reason: z.enum(suspensionReasons) });
export const resumeBody = z.strictObject({ version });
export const revokeOrderBody = z.strictObject({ reason: z.enum(revocationReasons) });
export const clarifyBody = z.strictObject({ version, grounds: groundList });
export const clarifiedBody = z.strictObject({ receivedAt: timestampInput });
export const notificationAnswerBody = z.strictObject({
  version,
  answer: z.enum(['no_objection', 'objection']),
  grounds: groundList.optional(),
  receivedAt: timestampInput,
});
export const followUpBody = z.strictObject({ version, followUp: ruleIdSchema });

export const orderStatusView = z
  .object({
    orderId: idSchema,
    version: z.int(),
    status: z.enum(orderStatuses),
    regime: z.string(),
    type: z.enum(['produce', 'preserve']),
    issuingState: z.string(),
    categories: z.array(z.enum(categoryIds)),
    targetCount: z.int(),
    /** Of these, targets that reach people whom nobody named. */
    broadTargetCount: z.int().optional(),
    emergency: z.boolean(),
    receivedAt: utcTimestamp,
    validUntil: utcTimestamp,
    /** The order to preserve whose records it asks for. */
    preservedUnder: idSchema.optional(),
    recordedAt: utcTimestamp,
    decidedAt: utcTimestamp.optional(),
    /** When its case was erased: nothing of the order is left but this. */
    erasedAt: utcTimestamp.optional(),
    /** Until when the data are due; `stopped`: the clock stands still until the authority answers. */
    deadline: z.object({ dueAt: utcTimestamp, stopped: z.boolean(), missed: z.boolean() }).optional(),
    /** First instant at which a release needs no answer of the authority that was notified. */
    releaseWaitsUntil: utcTimestamp.optional(),
    clarificationAskedAt: utcTimestamp.optional(),
    /** What must follow the emergency, each by its last instant. */
    followUps: z.array(z.object({ id: z.string(), by: utcTimestamp, done: z.boolean() })).optional(),
    documentSignature: z.object({ state: z.enum(signatureStates), reason: z.string().optional() }).optional(),
  })
  .meta({ id: 'OrderStatus' });

/** The contents are given as they were recorded; their schema is the order's own. */
export const orderView = orderStatusView
  .extend({
    order: z.record(z.string(), z.unknown()),
    document: z.object({
      mediaType: z.string(),
      bytes: z.int(),
      sha256: z.string(),
      /** Of its own signature; subjects are as the certificates say them. */
      signature: z
        .object({
          state: z.enum(signatureStates),
          reason: z.string().optional(),
          signers: z.array(z.string()).optional(),
        })
        .optional(),
    }),
  })
  .meta({ id: 'Order' });

export const estimateView = z.object({ counts: eventCounts, total: z.int() }).meta({ id: 'Estimate' });

export const eraseBody = z.strictObject({ reason: z.enum(erasureReasons) });

export const erasureView = z
  .object({
    orderId: idSchema,
    erasedAt: utcTimestamp,
    /** Whether key and files are gone by now; what failed is tried again every hour. */
    gone: z.boolean(),
  })
  .meta({ id: 'Erasure' });

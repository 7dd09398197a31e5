import type { Readable } from 'node:stream';
import { z } from 'zod';
import { disclosureStatuses, erasureReasons, labelSchema, roles, thumbprintSchema } from '#shared/control';
import { orderDraftSchema, orderLimits, targetKinds } from '#shared/orders';
import { categoryIds, eventTypes, utcTimestamp } from '#shared/traffic';
import { apiLimits, mediaTypes } from '../limits.ts';

/*
 * What goes over the wire. The OpenAPI description is made from these, and every answer is checked against
 * them before it leaves.
 */

export const idSchema = z.uuid({ version: 'v7' });
export const orderParams = z.strictObject({ orderId: idSchema });
export const disclosureParams = z.strictObject({ disclosureId: idSchema });
export const credentialParams = z.strictObject({ thumbprint: thumbprintSchema });

const timestampInput = z.iso
  .datetime({ offset: true })
  .transform((value) => new Date(value).toISOString())
  // An offset can carry a time out of the years 0000 to 9999, where times no longer compare as texts.
  .pipe(utcTimestamp)
  .meta({ description: 'RFC 3339' });

/** RFC 9457, with our extension members. */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string(),
    codes: z.array(z.string()).optional(),
    problems: z
      .array(
        z.object({
          path: z.string(),
          sentence: z.string(),
          kind: z.string().optional(),
          rule: z.string().optional(),
          source: z.string().optional(),
        }),
      )
      .optional(),
  })
  .meta({ id: 'Problem' });

export const enrolBody = z.strictObject({
  credentialId: labelSchema,
  /** Same for all credentials of one person: dual control counts people. */
  personId: labelSchema,
  role: z.enum(roles),
  algorithm: z.string().max(16),
  /** Checked as a key, member by member, by `validatePublicJwk`. */
  publicKey: z.record(z.string(), z.unknown()).meta({ description: 'Public JWK (RFC 7517)' }),
  notBefore: timestampInput,
  notAfter: timestampInput,
});

export const revokeBody = z.strictObject({
  reason: z.enum(['left', 'lost', 'compromised', 'superseded', 'other']),
});

export const credentialView = z
  .object({
    thumbprint: thumbprintSchema,
    credentialId: labelSchema,
    personId: labelSchema,
    role: z.enum(roles),
    algorithm: z.string(),
    notBefore: utcTimestamp,
    notAfter: utcTimestamp,
    revokedAt: utcTimestamp.optional(),
  })
  .meta({ id: 'Credential' });

export const recordOrderBody = z.strictObject({
  order: orderDraftSchema,
  document: z.strictObject({
    mediaType: z.enum(mediaTypes.document),
    /** Base64 (RFC 4648, section 4). */
    content: z
      .string()
      .max(Math.ceil((orderLimits.documentBytes * 4) / 3) + 4)
      .regex(/^[A-Za-z0-9+/]+={0,2}$/, 'is not base64'),
  }),
});

export const orderStatusView = z
  .object({
    orderId: idSchema,
    version: z.int(),
    status: z.enum(['AwaitingApproval', 'Approved', 'Rejected', 'Expired']),
    regime: z.string(),
    type: z.enum(['produce', 'preserve']),
    issuingState: z.string(),
    categories: z.array(z.enum(categoryIds)),
    targetCount: z.int(),
    emergency: z.boolean(),
    receivedAt: utcTimestamp,
    validUntil: utcTimestamp,
    recordedAt: utcTimestamp,
    decidedAt: utcTimestamp.optional(),
    /** When its case was erased: nothing of the order is left but this. */
    erasedAt: utcTimestamp.optional(),
  })
  .meta({ id: 'OrderStatus' });

/** The contents are given as they were recorded; their schema is the order's own. */
export const orderView = orderStatusView
  .extend({
    order: z.record(z.string(), z.unknown()),
    document: z.object({ mediaType: z.string(), bytes: z.int(), sha256: z.string() }),
  })
  .meta({ id: 'Order' });

export const rejectBody = z.strictObject({
  reason: z.enum(['incomplete', 'inadmissible', 'disproportionate', 'not_authentic', 'other']),
});

export const eraseBody = z.strictObject({ reason: z.enum(erasureReasons) });

export const erasureView = z
  .object({
    orderId: idSchema,
    erasedAt: utcTimestamp,
    /** Whether key and files are gone by now; what failed is tried again every hour. */
    gone: z.boolean(),
  })
  .meta({ id: 'Erasure' });

export const estimateView = z
  .object({ counts: z.partialRecord(z.enum(eventTypes), z.int()), total: z.int() })
  .meta({ id: 'Estimate' });

const targetInput = z.strictObject({
  kind: z.enum(targetKinds),
  value: z.string().min(1).max(orderLimits.targetCharacters),
  subaddresses: z.boolean().optional(),
});

export const disclosureBody = z.strictObject({
  orderId: idSchema,
  /** Narrows the order's scope; absent members mean: as the order says. */
  scope: z
    .strictObject({
      targets: z.array(targetInput).min(1).max(orderLimits.targets).optional(),
      from: timestampInput.optional(),
      to: timestampInput.optional(),
      categories: z.array(z.enum(categoryIds)).min(1).max(categoryIds.length).optional(),
    })
    .optional(),
});
export type DisclosureBody = z.infer<typeof disclosureBody>;

export const disclosureView = z
  .object({
    disclosureId: idSchema,
    orderId: idSchema,
    status: z.enum(disclosureStatuses),
    requestedAt: utcTimestamp,
    releasedAt: utcTimestamp.optional(),
    packageId: idSchema.optional(),
    records: z.int().optional(),
    completeness: z.enum(['complete', 'incomplete', 'none']).optional(),
    manifestSha256: z.string().optional(),
    /** The package can be fetched. */
    ready: z.boolean(),
  })
  .meta({ id: 'Disclosure' });

/**
 * One line of a disclosure's progress. Counts are there once its package is being made: of the records so
 * far; once it is announced, `bytes` is that of the encrypted parts.
 */
export const disclosureProgress = z.object({
  status: z.enum(disclosureStatuses),
  ready: z.boolean(),
  records: z.int().optional(),
  bytes: z.int().optional(),
});
export type DisclosureProgress = z.infer<typeof disclosureProgress>;

/** `truncated`: there are more than the API lists. */
export const listOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item).max(apiLimits.listItems), truncated: z.boolean() });

/** The first of many items, and whether that is all. */
export function listed<T>(items: readonly T[]): { items: T[]; truncated: boolean } {
  return { items: items.slice(0, apiLimits.listItems), truncated: items.length > apiLimits.listItems };
}

/** An answer that is no JSON: bytes, streamed as they are, of one of these media types. */
export const binary = (...types: readonly string[]) =>
  z.custom<Buffer | Readable>().meta({ type: 'string', format: 'binary', 'x-media-types': types });

/** The error answers that every signed route can give, by status. */
export const problemResponses = {
  '4xx': problemSchema,
  '5xx': problemSchema,
} as const;

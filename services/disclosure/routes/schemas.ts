import type { Readable } from 'node:stream';
import { z } from 'zod';
import { certificatesHeader } from '#shared/certificates';
import { disclosureStatuses, labelSchema, roles, thumbprintSchema } from '#shared/control';
import { orderLimits, targetKinds } from '#shared/orders';
import { possessionChars } from '#shared/signed-request';
import { categoryIds, utcTimestamp } from '#shared/traffic';
import { apiLimits } from '../limits.ts';
import { idSchema, timestampInput } from './members.ts';

/*
 * What goes over the wire. The OpenAPI description is made from these, and every answer is checked against
 * them before it leaves.
 */

export const disclosureParams = z.strictObject({ disclosureId: idSchema });
export const credentialParams = z.strictObject({ thumbprint: thumbprintSchema });

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

const possessionInput = z.string().max(possessionChars).meta({
  description:
    'Compact JWS (RFC 7515) by the key itself, typ `griffie-enrolment+jwt`; of a passkey its registration',
});

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
  /** The key's own signature for this enrolment. */
  possession: possessionInput,
  /** SHA-256 of the certificates in the header `Griffie-Certificates`, one after another. */
  chainSha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
});

/** The certificates of which the body has the digest; read strictly by `readChainHeader`. */
export const enrolHeaders = z.looseObject({
  [certificatesHeader]: z.string().optional().meta({
    description: 'Certificates of the key, its own first: DER in base64, with commas between',
  }),
});

/** What the second administrator says of an enrolment, from what they know themselves. */
export const confirmBody = z.strictObject({ personId: labelSchema, role: z.enum(roles) });

/** A new key for the person and role of the one that signs the request. */
export const rotateBody = enrolBody.pick({
  credentialId: true,
  algorithm: true,
  publicKey: true,
  possession: true,
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
    certificate: z
      .object({ sha256: z.string(), anchorSha256: z.string(), notAfter: utcTimestamp })
      .optional(),
    /** Another administrator must confirm it before it may do anything. */
    pending: z.boolean(),
    confirmedAt: utcTimestamp.optional(),
    revokedAt: utcTimestamp.optional(),
    /** Thumbprint of the key that took its place. */
    replacedBy: thumbprintSchema.optional(),
    /** SHA-256 of the revocation list that ended it. */
    revokedBy: z.string().optional(),
    /** Of its last signed request that was not refused. */
    lastUsedAt: utcTimestamp.optional(),
  })
  .meta({ id: 'Credential' });

const targetInput = z.strictObject({
  kind: z.enum(targetKinds),
  value: z.string().min(1).max(orderLimits.targetCharacters),
  subaddresses: z.boolean().optional(),
});

export const disclosureBody = z.strictObject({
  orderId: idSchema,
  /** Version of the order that the officer read; absent: the first. */
  orderVersion: z.int().min(1).optional(),
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

/** The same as a file to save, with a name. */
export const file = (...types: readonly string[]) => binary(...types).meta({ 'x-file': true });

/** The error answers that every signed route can give, by status. */
export const problemResponses = {
  '4xx': problemSchema,
  '5xx': problemSchema,
} as const;

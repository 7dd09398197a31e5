import { z } from 'zod';
import { categoryIds, utcTimestamp } from '#shared/traffic';
import { orderLimits as limits } from './limits.ts';
import { targetKinds } from './target.ts';

/** Name of a legal regime: that of its data file. Which there are is for `Regimes` to say. */
export const regimeIdSchema = z
  .string()
  .regex(/^[A-Z]{2}[A-Z0-9_]{1,30}$/, 'is no name of a regime, such as NL_DOMESTIC');
export type RegimeId = z.infer<typeof regimeIdSchema>;

export const issuerRoles = [
  'public_prosecutor',
  'examining_judge',
  'judge',
  'court',
  'investigating_judge',
  'other',
] as const;
export type IssuerRole = (typeof issuerRoles)[number];

/** Languages in which the written report can be had. */
export const reportLanguages = ['en', 'nl'] as const;

const label = z.string().min(1).max(limits.labelCharacters);
const freeText = z.string().min(1).max(limits.textCharacters);
const countryCode = z.string().regex(/^[A-Z]{2}$/, 'is no ISO 3166-1 alpha-2 code, such as NL');

/** Any RFC 3339 time; kept as UTC with milliseconds. */
const timestamp = z.iso
  .datetime({ offset: true, error: 'is no RFC 3339 time with a zone, such as 2026-11-22T09:00:00Z' })
  .transform((value) => new Date(value).toISOString())
  .pipe(utcTimestamp);

/** X25519 recipient of age (C2SP age specification). */
const ageRecipient = z.string().regex(/^age1[a-z0-9]{58}$/, 'is no age X25519 recipient (age1…)');

const targetDraft = z.strictObject({
  kind: z.enum(targetKinds),
  value: z.string().min(1).max(limits.targetCharacters),
  subaddresses: z.boolean().optional(),
});

const person = z.strictObject({ name: label, role: z.enum(issuerRoles), reference: label.optional() });

/**
 * An order as a registrar enters it: every member optional, none unknown, each well-formed if present.
 * Whether it is complete depends on its regime (`checkOrder`). Times are RFC 3339.
 */
export const orderDraftSchema = z.strictObject({
  regime: regimeIdSchema.optional(),
  type: z.enum(['produce', 'preserve']).optional(),
  /** Provision of law that the order states: `Sv 126n`, `Article 5`. */
  legalBasis: label.optional(),
  dataCategory: z.enum(['traffic', 'subscriber', 'content']).optional(),
  issuingState: countryCode.optional(),
  issuer: z
    .strictObject({
      authority: label.optional(),
      role: z.enum(issuerRoles).optional(),
      fileReference: label.optional(),
      contact: label.optional(),
    })
    .optional(),
  /** The judge or court that validated or authorised it beforehand. */
  validatedBy: person.optional(),
  addressee: label.optional(),
  scope: z
    .strictObject({
      targets: z.array(targetDraft).max(limits.targets).optional(),
      from: timestamp.optional(),
      to: timestamp.optional(),
      categories: z.array(z.enum(categoryIds)).max(categoryIds.length).optional(),
      /** The order itself names a domain or a prefix on purpose. */
      broadTargetsOrdered: z.boolean().optional(),
    })
    .optional(),
  offence: z.strictObject({ provisions: freeText.optional(), threshold: label.optional() }).optional(),
  emergency: z.strictObject({ reasons: freeText }).optional(),
  /** Notification of another authority (Regulation (EU) 2023/1543, Article 8), as the order states it. */
  notification: z
    .strictObject({
      required: z.boolean().optional(),
      enforcingAuthority: label.optional(),
      notifiedAt: timestamp.optional(),
    })
    .optional(),
  recipients: z
    .array(z.strictObject({ name: label, encryptionKey: ageRecipient }))
    .max(limits.recipients)
    .optional(),
  reportLanguage: z.enum(reportLanguages).optional(),
  issuedAt: timestamp.optional(),
  receivedAt: timestamp.optional(),
  /** Until when the order itself demands the data. */
  deadlineAt: timestamp.optional(),
  /** Last instant at which a disclosure may be requested under it. */
  validUntil: timestamp.optional(),
  /** Of an order to produce: id of the recorded order to preserve whose records it asks for. */
  preservedUnder: z.uuid({ version: 'v7', error: 'is no id of a recorded order' }).optional(),
});
export type OrderDraft = z.infer<typeof orderDraftSchema>;

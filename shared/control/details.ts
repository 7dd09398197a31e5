import { z } from 'zod';
import { keyRotatedKind, keyRotationDetails } from '#shared/ledger';
import { regimeIds } from '#shared/orders';
import { categoryIds, utcTimestamp } from '#shared/traffic';
import { erasureDetails } from './erasure.ts';
import { retentionDetails } from './retention.ts';
import { roles } from './roles.ts';

/*
 * What each kind of ledger entry adds to the envelope of `shared/ledger`. Codes, digests, counts and times
 * only: nothing that a person typed about another person has a member here.
 */

/** Identifier of a credential or of a person in dual control: chosen by the administrator, opaque to us. */
export const labelSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, {
  error: 'is no identifier; use 1 to 64 lower-case letters, digits and hyphens',
});
const codeSchema = z
  .string()
  .regex(/^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$/)
  .max(64);
const idSchema = z.uuid({ version: 'v7' });
const count = z.int().min(0);
/** RFC 7638 thumbprint, SHA-256, base64url. */
export const thumbprintSchema = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/);

/** A public key as an exact set of members, so that nothing rides along into the ledger. */
const publicKeySchema = z.record(z.string().max(8), z.string().max(1024));

const configuration = z.strictObject({
  software: z.string().max(32),
  /** `aud` of every signed request: the service's public URL. */
  audience: z.string().max(512),
  /** ISO 8601 duration. */
  retentionPeriod: z.string().max(16),
  /** Public key of the manifests' signatures. */
  manifestKey: publicKeySchema,
});
export type ServiceConfiguration = z.infer<typeof configuration>;

export const completeness = ['complete', 'incomplete', 'none'] as const;

export const entryDetails = {
  'ledger.started': configuration,
  'configuration.changed': configuration,
  [keyRotatedKind]: keyRotationDetails,
  'credential.enrolled': z.strictObject({
    credentialId: labelSchema,
    personId: labelSchema,
    role: z.enum(roles),
    algorithm: z.string().max(16),
    publicKey: publicKeySchema,
    thumbprint: thumbprintSchema,
    notBefore: utcTimestamp,
    notAfter: utcTimestamp,
  }),
  'credential.revoked': z.strictObject({
    thumbprint: thumbprintSchema,
    reason: z.enum(['left', 'lost', 'compromised', 'superseded', 'other']),
  }),
  'order.recorded': z.strictObject({
    version: z.int().min(1),
    regime: z.enum(regimeIds),
    regimeVersion: z.string().max(32),
    type: z.enum(['produce', 'preserve']),
    issuingState: z.string().max(2),
    emergency: z.boolean(),
    categories: z.array(z.enum(categoryIds)),
    targetCount: count,
    receivedAt: utcTimestamp,
    validUntil: utcTimestamp,
  }),
  'order.approved': z.strictObject({ version: z.int().min(1) }),
  'order.rejected': z.strictObject({
    version: z.int().min(1),
    reason: z.enum(['incomplete', 'inadmissible', 'disproportionate', 'not_authentic', 'other']),
  }),
  ...erasureDetails,
  'disclosure.requested': z.strictObject({ orderId: idSchema, orderVersion: z.int().min(1) }),
  'disclosure.refused': z.strictObject({ orderId: idSchema, codes: z.array(codeSchema).min(1) }),
  'disclosure.released': z.strictObject({
    orderId: idSchema,
    packageId: idSchema,
    records: count,
    parts: count,
    bytes: count,
    completeness: z.enum(completeness),
    /** SHA-256 of `manifest.jws.age` as it stands in the package. */
    manifestSha256: sha256Hex,
  }),
  'disclosure.failed': z.strictObject({ orderId: idSchema, code: codeSchema }),
  /** By the officer who asked for it. */
  'disclosure.cancelled': z.strictObject({ orderId: idSchema }),
  /** What was made of a package was thrown away; it is made anew. */
  'disclosure.interrupted': z.strictObject({ orderId: idSchema, code: codeSchema }),
  'disclosure.collected': z.strictObject({ bytes: count }),
  ...retentionDetails,
  /** Access that changed nothing: a reading of orders, documents, the ledger. */
  'access.granted': z.strictObject({ route: z.string().max(128) }),
  /** A refusal to a credential whose signature was verified. */
  'access.refused': z.strictObject({ code: codeSchema, route: z.string().max(128) }),
  /** Refusals that nobody can be held to, of one minute: counts by code. */
  'access.noise': z.strictObject({
    from: utcTimestamp,
    to: utcTimestamp,
    counts: z.array(z.strictObject({ code: codeSchema, count })).max(64),
  }),
} as const;

export type EntryKind = keyof typeof entryDetails;
export type DetailsOf<K extends EntryKind> = z.infer<(typeof entryDetails)[K]>;
export const entryKinds = Object.keys(entryDetails) as EntryKind[];

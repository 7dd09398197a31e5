import { z } from 'zod';
import { keyRotatedKind, keyRotationDetails, voidReasons } from '#shared/ledger';
import { possessionChars } from '#shared/signed-request';
import { utcTimestamp } from '#shared/traffic';
import { diskKeyDetails } from './disk-keys.ts';
import { erasureDetails } from './erasure.ts';
import { holdDetails } from './holds.ts';
import { orderEntryDetails } from './order-entries.ts';
import { patternDetails, patternThresholds } from './pattern-entries.ts';
import { retentionDetails } from './retention.ts';
import { certificateLinks, revocationDetails, revocationPolicy } from './revocation-entries.ts';
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

/** The key's own signature for its enrolment. */
const possessionSchema = z.string().max(possessionChars);
const enrolment = z.strictObject({
  credentialId: labelSchema,
  personId: labelSchema,
  role: z.enum(roles),
  algorithm: z.string().max(16),
  publicKey: publicKeySchema,
  thumbprint: thumbprintSchema,
  notBefore: utcTimestamp,
  notAfter: utcTimestamp,
});

/** What was checked of a key's certificates at its enrolment: digests alone, because they name people. */
const certificate = z.strictObject({
  /** Of the chain as it was sent, all certificates one after another, DER. */
  chainSha256: sha256Hex,
  /** Of the key's own certificate. */
  sha256: sha256Hex,
  anchorSha256: sha256Hex,
  /** When the first of the chain ends. */
  notAfter: utcTimestamp,
  /** Of all of them but the anchor, the key's own first; absent in entries of before there were lists. */
  links: certificateLinks.optional(),
});

/** What the registration of a passkey says, which is its proof of possession. */
const passkey = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9_-]{1,342}$/),
  attestation: z.string().regex(/^[a-z0-9-]{1,32}$/),
  aaguid: z.string().regex(/^[0-9a-f-]{36}$/),
});

const configuration = z.strictObject({
  software: z.string().max(32),
  /** `aud` of every signed request: the service's public URL. */
  audience: z.string().max(512),
  /** ISO 8601 duration. */
  retentionPeriod: z.string().max(16),
  /** Public key of the manifests' signatures. */
  manifestKey: publicKeySchema,
  /** SHA-256 of the certificates to which those of credentials must lead; absent where there are none. */
  anchors: z.array(sha256Hex).max(16).optional(),
  /** Absent where no revocation lists are asked. */
  revocation: revocationPolicy.optional(),
  /** From what on patterns are told; absent where none are. */
  patterns: patternThresholds.optional(),
});
export type ServiceConfiguration = z.infer<typeof configuration>;

export const completeness = ['complete', 'incomplete', 'none'] as const;

export const entryDetails = {
  'ledger.started': configuration,
  'configuration.changed': configuration,
  [keyRotatedKind]: keyRotationDetails,
  /** A record of the topic that is no entry of the ledger: it has its place in the tree and no effect. */
  'ledger.voided': z.strictObject({
    reason: z.enum(voidReasons),
    /** Entries there were when it was decided. */
    after: count.optional(),
    /** Leaf hash that the entry would have had. */
    leaf: sha256Hex.optional(),
  }),
  /**
   * With `possession` it gives no rights until another administrator confirms it, unless it was made on the
   * server's console. Without, it is of the time before dual control, and has taken effect at once.
   */
  'credential.enrolled': enrolment.extend({
    possession: possessionSchema.optional(),
    certificate: certificate.optional(),
    passkey: passkey.optional(),
  }),
  'credential.confirmed': z.strictObject({
    thumbprint: thumbprintSchema,
    /** What the second administrator said of it, from what they know themselves. */
    personId: labelSchema,
    role: z.enum(roles),
  }),
  /** The new key, for which the old one signed the request. */
  'credential.rotated': enrolment.extend({
    possession: possessionSchema,
    passkey: passkey.optional(),
    previous: thumbprintSchema,
  }),
  'credential.revoked': z.strictObject({
    thumbprint: thumbprintSchema,
    reason: z.enum(['left', 'lost', 'compromised', 'superseded', 'other']),
  }),
  ...orderEntryDetails,
  ...erasureDetails,
  /** `whole`: all that the order asks for and not a part of it, once all that it may read was copied. */
  'disclosure.requested': z.strictObject({
    orderId: idSchema,
    orderVersion: z.int().min(1),
    whole: z.literal(true).optional(),
  }),
  /** `orderVersion`: as the request named it; absent: the first. */
  'disclosure.refused': z.strictObject({
    orderId: idSchema,
    orderVersion: z.int().min(1).optional(),
    codes: z.array(codeSchema).min(1),
  }),
  'disclosure.released': z.strictObject({
    orderId: idSchema,
    packageId: idSchema,
    records: count,
    parts: count,
    bytes: count,
    completeness: z.enum(completeness),
    /** SHA-256 of `manifest.jws.age` as it stands in the package. */
    manifestSha256: sha256Hex,
    /**
     * Of which source and day of collection the records are, by day from `from` on; absent in entries of
     * before, and where the sources are too many for an entry.
     */
    origins: z
      .array(
        z.strictObject({
          source: z.string().min(1).max(64),
          from: z.iso.date(),
          records: z.array(count).min(1).max(1200),
        }),
      )
      .max(64)
      .optional(),
    /** Orders whose holds were read for it; absent where there were none. */
    holds: z.array(idSchema).min(1).max(2).optional(),
  }),
  'disclosure.failed': z.strictObject({ orderId: idSchema, code: codeSchema }),
  /** By the officer who asked for it. */
  'disclosure.cancelled': z.strictObject({ orderId: idSchema }),
  /** What was made of a package was thrown away; it is made anew. */
  'disclosure.interrupted': z.strictObject({ orderId: idSchema, code: codeSchema }),
  'disclosure.collected': z.strictObject({ bytes: count }),
  ...holdDetails,
  ...retentionDetails,
  ...diskKeyDetails,
  ...patternDetails,
  ...revocationDetails,
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

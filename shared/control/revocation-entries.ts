import { z } from 'zod';
import { maxChain, revocationReasons } from '#shared/certificates';
import { utcTimestamp } from '#shared/traffic';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const thumbprint = z.string().regex(/^[A-Za-z0-9_-]{43}$/);

/** Most credentials that one entry ends: an entry is bounded. Further ones are those of the next entry. */
export const maxRevokedAtOnce = 256;

/** Where the certificates of a credential would be revoked: digests alone, as of the certificates themselves. */
export const certificateLinks: z.ZodType<{ issuer: string; id: string }[]> = z
  .array(z.strictObject({ issuer: sha256, id: sha256 }))
  .min(1)
  .max(maxChain);

/** Which authorities' certificates may be used only while there is a current list of theirs. */
export const revocationPolicy = z.strictObject({
  /** `all`, or ids of authorities; those of whom there is a list in use are meant in any case. */
  required: z.union([z.literal('all'), z.array(sha256).max(16)]),
});
export type RevocationPolicy = z.infer<typeof revocationPolicy>;

export const revocationDetails = {
  /**
   * A revocation list is in use from here on, in place of the one of the same authority before it. The list
   * is kept beside the ledger: it names certificates of people who have nothing to do with this service.
   */
  'revocation_list.taken': z.strictObject({
    /** Id of the authority: digest of its name and key. */
    authority: sha256,
    /** SHA-256 of its certificate and of those up to the anchor, which is the last. */
    certificates: z.array(sha256).min(1).max(maxChain),
    /** Of the list, DER. */
    sha256,
    bytes: z.int().min(1),
    /** Certificates on it, whoever's. */
    entries: z.int().min(0),
    /** Hexadecimal without leading zeros. */
    number: z.string().regex(/^(0|[1-9a-f][0-9a-f]{0,39})$/),
    thisUpdate: utcTimestamp,
    nextUpdate: utcTimestamp,
    /** Credentials that have a certificate on it, and were not ended before. */
    revoked: z
      .array(
        z.strictObject({
          thumbprint,
          /** As the authority says. */
          revokedAt: utcTimestamp,
          reason: z.enum(revocationReasons),
        }),
      )
      .max(maxRevokedAtOnce),
    /** There were more: the next entry goes on with them, and until then the list counts as none. */
    more: z.literal(true).optional(),
  }),
} as const;

export type TakenList = z.infer<(typeof revocationDetails)['revocation_list.taken']>;
export type RevokedCredential = TakenList['revoked'][number];

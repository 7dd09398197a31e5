import { z } from 'zod';
import { targetKinds } from '#shared/orders';
import { parseStrictJson } from '#shared/runtime';
import {
  type PrivateKey,
  type PublicJwk,
  parseCompact,
  signCompact,
  verifyCompact,
} from '#shared/signed-request';
import { categoryIds, utcTimestamp } from '#shared/traffic';
import { packageLimits as limits } from './limits.ts';
import { mediaTypes, partSequence } from './names.ts';
import { type PackageRefusal, refusePackage } from './refusals.ts';

export const manifestVersion = 1;
export const manifestType = 'griffie-manifest+jws';

/**
 * Whether the package holds everything in the window that was asked for. `none`: it holds no record; the
 * reasons, where there are any, say why that need not mean that nothing happened.
 */
export const completenessStates = ['complete', 'incomplete', 'none'] as const;

/** Why a package may hold less than what was asked for. */
export const incompleteReasons = [
  /** Part of the window is before the oldest event held: erased when retention ended, or never collected. */
  'window.before_data',
  /** Part of the window is later than what the order reaches: the data stored at its receipt. */
  'window.after_reach',
  /** A bound on the number of records was reached; the rest can be had by a narrower request. */
  'result.capped',
  /** A source of events was not collected during part of the window. */
  'source.gap',
] as const;
export type IncompleteReason = (typeof incompleteReasons)[number];

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const size = z.int().min(0);
const id = z.uuid();
const window = z
  .strictObject({ from: utcTimestamp, to: utcTimestamp })
  .refine(({ from, to }) => from <= to, { error: 'the window ends before it begins' });

const partBase = {
  /** Name of the member in the tar file. */
  name: z.string(),
  /** Bytes and digest before encryption. */
  bytes: size,
  sha256,
  /** Bytes and digest of the member as it stands in the tar file. */
  encryptedBytes: size,
  encryptedSha256: sha256,
};
const partSchema = z.discriminatedUnion('mediaType', [
  z.strictObject({ ...partBase, mediaType: z.literal(mediaTypes.records), records: z.int().min(1) }),
  z.strictObject({ ...partBase, mediaType: z.literal(mediaTypes.report) }),
]);
export type ManifestPart = z.infer<typeof partSchema>;

const querySchema = z.strictObject({
  scope: z.strictObject({
    targets: z
      .array(
        z.strictObject({
          kind: z.enum(targetKinds),
          value: z.string().min(1).max(1024),
          subaddresses: z.literal(true).optional(),
        }),
      )
      .min(1)
      .readonly(),
    from: utcTimestamp,
    to: utcTimestamp,
    categories: z.array(z.enum(categoryIds)).min(1).readonly(),
    collectedUpTo: utcTimestamp,
  }),
  /**
   * The statement as it was run, and the values bound to its parameters. Where it was run in slices of the
   * window, one after another, `from` and `to` are those of the whole.
   */
  text: z.string().max(1024 * 1024),
  parameters: z.record(z.string(), z.union([z.string(), z.number(), z.array(z.string()).readonly()])),
});

/** What is in a package and how it came about. Signed by the service's disclosure key. */
export const manifestSchema = z
  .strictObject({
    version: z.literal(manifestVersion),
    packageId: id,
    /** 32 random bytes, base64url: nobody can guess the manifest from its digest in the ledger. */
    nonce: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
    orderId: id,
    requestId: id,
    createdAt: utcTimestamp,
    software: z.strictObject({ name: z.literal('griffie'), version: z.string().min(1).max(64) }),
    query: querySchema,
    /** `available`: the part of the window that data were held for; null where none were. */
    window: z.strictObject({ asked: window, available: window.nullable() }),
    completeness: z.strictObject({
      state: z.enum(completenessStates),
      reasons: z.array(z.enum(incompleteReasons)),
    }),
    records: size,
    recipients: z.array(z.string().max(128)).min(1).max(limits.recipients),
    parts: z
      .array(partSchema)
      .min(1)
      .max(limits.parts + 1),
    verifyTextSha256: sha256,
  })
  .refine(
    ({ parts }) => {
      const names = partSequence(parts.length - 1);
      return parts.every((part, index) => {
        const isReport = index === parts.length - 1;
        return part.name === names[index] && (part.mediaType === mediaTypes.report) === isReport;
      });
    },
    { error: 'the parts are not numbered from 1 without a gap, with the report behind them' },
  )
  .refine((m) => m.records === m.parts.reduce((sum, p) => sum + ('records' in p ? p.records : 0), 0), {
    error: 'the parts do not add up to the records',
  })
  .refine(({ records, completeness: { state, reasons } }) => {
    if (records === 0) return state === 'none';
    return state === (reasons.length > 0 ? 'incomplete' : 'complete');
  }, 'the completeness does not follow from records and reasons');
export type Manifest = z.infer<typeof manifestSchema>;

/** The service's disclosure key: Ed25519, `kid` its RFC 7638 thumbprint. */
export interface ManifestSigner {
  readonly kid: string;
  readonly privateKey: PrivateKey;
}
export interface ManifestKey {
  readonly kid: string;
  readonly jwk: PublicJwk;
}

/** @throws ZodError where the manifest is not well-formed: that would be our own fault. */
export function signManifest(manifest: Manifest, signer: ManifestSigner): Promise<string> {
  const payload = Buffer.from(JSON.stringify(manifestSchema.parse(manifest)));
  return signCompact(payload, { typ: manifestType, alg: 'EdDSA', kid: signer.kid }, signer.privateKey);
}

/** Verifies a compact JWS as a manifest by this key; the algorithm is EdDSA and no other. */
export async function verifyManifest(
  text: string,
  key: ManifestKey,
): Promise<{ readonly ok: true; readonly manifest: Manifest } | PackageRefusal> {
  const parsed = parseCompact(text, limits.manifestBytes);
  if (!parsed.ok || parsed.jws.header.typ !== manifestType)
    return refusePackage('package.manifest_malformed');
  if (parsed.jws.header.kid !== key.kid) return refusePackage('package.manifest_key');
  if (!(await verifyCompact(parsed.jws, { alg: 'EdDSA', jwk: key.jwk }))) {
    return refusePackage('package.manifest_signature');
  }
  const json = parseStrictJson(parsed.jws.payload);
  const manifest = manifestSchema.safeParse(json.ok ? json.value : undefined);
  return manifest.success
    ? { ok: true, manifest: manifest.data }
    : refusePackage('package.manifest_malformed');
}

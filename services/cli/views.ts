import { z } from 'zod';

/*
 * What the command line reads of the API's answers. Members that it does not need are dropped, so that a
 * newer service can be used; `order show` keeps the order whole.
 */

export const serviceView = z.object({
  audience: z.string(),
  version: z.string(),
  retentionPeriod: z.string(),
  manifestKey: z.record(z.string(), z.string()),
  ledgerKey: z.string(),
});

export const credentialView = z.object({
  thumbprint: z.string(),
  credentialId: z.string(),
  personId: z.string(),
  role: z.string(),
  algorithm: z.string(),
  notBefore: z.string(),
  notAfter: z.string(),
  pending: z.boolean().default(false),
  confirmedAt: z.string().optional(),
  revokedAt: z.string().optional(),
  replacedBy: z.string().optional(),
  revokedBy: z.string().optional(),
  lastUsedAt: z.string().optional(),
});
export type CredentialView = z.infer<typeof credentialView>;

export const authoritiesView = z.object({
  anchors: z.array(z.string()),
  required: z.union([z.literal('all'), z.array(z.string())]).nullable(),
  lists: z.array(
    z.object({
      authority: z.string(),
      sha256: z.string(),
      number: z.string(),
      thisUpdate: z.string(),
      nextUpdate: z.string(),
      takenAt: z.string(),
      entries: z.int(),
      ended: z.int(),
      held: z.int(),
      current: z.boolean(),
    }),
  ),
  missing: z.array(z.string()),
  refused: z.array(z.string()),
});

export const orderStatusView = z.object({
  orderId: z.string(),
  version: z.int(),
  status: z.string(),
  regime: z.string(),
  type: z.string(),
  issuingState: z.string(),
  categories: z.array(z.string()),
  targetCount: z.int(),
  broadTargetCount: z.int().optional(),
  emergency: z.boolean(),
  receivedAt: z.string(),
  validUntil: z.string(),
  recordedAt: z.string(),
  decidedAt: z.string().optional(),
  deadline: z.object({ dueAt: z.string(), stopped: z.boolean(), missed: z.boolean() }).optional(),
  releaseWaitsUntil: z.string().optional(),
  clarificationAskedAt: z.string().optional(),
  followUps: z.array(z.object({ id: z.string(), by: z.string(), done: z.boolean() })).optional(),
  documentSignature: z.object({ state: z.string(), reason: z.string().optional() }).optional(),
});
export type OrderStatusView = z.infer<typeof orderStatusView>;

export const orderView = orderStatusView.extend({
  order: z.record(z.string(), z.unknown()),
  document: z.object({
    mediaType: z.string(),
    bytes: z.int(),
    sha256: z.string(),
    signature: z.object({ signers: z.array(z.string()).optional() }).optional(),
  }),
});

export const estimateView = z.object({ counts: z.record(z.string(), z.int()), total: z.int() });

export const disclosureView = z.object({
  disclosureId: z.string(),
  orderId: z.string(),
  status: z.string(),
  requestedAt: z.string(),
  releasedAt: z.string().optional(),
  packageId: z.string().optional(),
  records: z.int().optional(),
  completeness: z.string().optional(),
  manifestSha256: z.string().optional(),
  ready: z.boolean(),
});
export type DisclosureView = z.infer<typeof disclosureView>;

export const disclosureProgress = z.object({
  status: z.string(),
  ready: z.boolean(),
  records: z.int().optional(),
  bytes: z.int().optional(),
});
export type DisclosureProgress = z.infer<typeof disclosureProgress>;

/** `truncated`: the service has more than it lists. */
export const listOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), truncated: z.boolean() });

/** What people are told of a list that was cut. */
export const cutNote = (truncated: boolean): string[] =>
  truncated ? ['', 'The service has more than these; it lists a thousand.'] : [];

import { z } from 'zod';
import type { Variable } from '#shared/runtime';

/**
 * Revocation lists beside the anchors. Which authorities must have one is named by the SHA-256 of their
 * certificates; those of whom there is one are meant in any case.
 */
export const revocationSettingsSchema = z.strictObject({
  path: z.string().min(1).max(4096),
  required: z
    .union([
      z.literal('all'),
      z
        .array(
          z
            .string()
            .regex(/^[0-9a-f]{64}$/, 'must be all, or SHA-256 digests of certificates in hexadecimal'),
        )
        .max(16),
    ])
    .default([]),
  /** How long before its end a list that was not replaced is told. */
  warnHours: z.int().min(1).max(8_784).default(24),
});
export type RevocationSettings = z.infer<typeof revocationSettingsSchema>;

export const revocationVariables: readonly Variable[] = [
  {
    name: 'DISCLOSURE_CERTIFICATE_LISTS',
    member: 'certificateLists.path',
    about: 'file or folder of revocation lists of those authorities (PEM or DER), read again when it changes',
  },
  {
    name: 'DISCLOSURE_CERTIFICATE_LISTS_REQUIRED',
    member: 'certificateLists.required',
    about:
      'all, or SHA-256 of certificates of authorities with commas between: without a current list of theirs their certificates are refused',
    default: 'authorities of whom there was a list',
    read: (text) => (text === 'all' ? text : text.toLowerCase().replaceAll(':', '').split(',')),
  },
  {
    name: 'DISCLOSURE_CERTIFICATE_LISTS_WARN_HOURS',
    member: 'certificateLists.warnHours',
    about: 'hours before a list runs out from which that is told',
    default: '24',
    read: Number,
  },
];

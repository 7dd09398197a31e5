import { z } from 'zod';
import { sourceListSchema } from '#services/collector';
import {
  alarmSettingsSchema,
  passkeyPolicySchema,
  publicUrlSchema,
  revocationSettingsSchema,
  timestampAuthoritySchema,
} from '#services/disclosure';
import { kafkaConfigSchema } from '#shared/bus';
import { isLoopback, listenAddressSchema } from '#shared/runtime';
import { retentionPeriodSchema } from '#shared/store';

const text = z.string().min(1).max(4096);

/**
 * Configuration of the embedded default: one process, all data under one folder.
 * Every member but `dataFolder` has a default; secrets are files under the data folder, never in here.
 */
export const standaloneConfigSchema = z
  .strictObject({
    dataFolder: text,
    listen: listenAddressSchema.prefault('127.0.0.1:8425'),
    /** URL under which officers reach the service; `http://` and the listen address where absent. */
    publicUrl: publicUrlSchema.optional(),
    /** Name of the operator, as it stands on written disclosures. */
    operator: z.string().min(1).max(200).default('Mail operator'),
    retentionPeriod: retentionPeriodSchema.prefault('P6M'),
    /** The law or policy that the period follows, in your own words: stands in the ledger with the period. */
    legalBasis: z.string().min(1).max(500).default('not stated by the operator'),
    /**
     * Keys of the encrypted disk: their folder, which must not be in the data folder (beside it where
     * absent), and how many days are written under one.
     */
    diskKeys: z
      .strictObject({ folder: text.optional(), days: z.int().min(1).max(92).default(7) })
      .prefault({}),
    sources: sourceListSchema.default([]),
    tls: z.strictObject({ certFile: text, keyFile: text, clientAnchorsFile: text.optional() }).optional(),
    /** PEM of the authorities whose certificates people's keys may be enrolled with. */
    certificateAnchorsFile: text.optional(),
    /** Revocation lists of those authorities. */
    certificateLists: revocationSettingsSchema.optional(),
    /** Authenticators that passkeys may be on; any where absent. */
    passkeys: passkeyPolicySchema.optional(),
    /** From what on patterns are told, and working hours; see docs/operations.md. */
    alarms: alarmSettingsSchema.prefault({}),
    /** Witnesses that checkpoints are submitted to, and how many must cosign (C2SP tlog-policy). */
    witnessPolicyFile: text.optional(),
    /** A time-stamping authority (RFC 3161) that stamps a checkpoint a day. */
    timestampAuthority: timestampAuthoritySchema.optional(),
    /** Folder of the data files of more legal regimes than those that are shipped. */
    regimeFolder: text.optional(),
    /** PEM of the certificates that signatures of orders' documents must lead to. */
    documentAnchorsFile: text.optional(),
    /**
     * A cluster that events go through instead of this process's memory: further collectors may publish to
     * it. Its topics must be there (`griffie topics apply`).
     */
    kafka: kafkaConfigSchema.optional(),
  })
  .refine(({ listen, tls }) => tls !== undefined || isLoopback(listen.host), {
    path: ['listen'],
    message:
      'an address that others reach needs tls.certFile and tls.keyFile; or listen on 127.0.0.1 behind a proxy',
  })
  .refine(
    ({ certificateAnchorsFile, certificateLists }) =>
      certificateLists === undefined || certificateAnchorsFile !== undefined,
    {
      path: ['certificateLists', 'path'],
      message: 'goes with certificateAnchorsFile',
    },
  )
  .refine(({ sources, kafka }) => kafka !== undefined || sources.every(({ kind }) => kind !== 'kafka-raw'), {
    path: ['sources'],
    message: 'a source of kind kafka-raw needs the member kafka',
  });
export type StandaloneConfig = z.infer<typeof standaloneConfigSchema>;
export type StandaloneConfigInput = z.input<typeof standaloneConfigSchema>;

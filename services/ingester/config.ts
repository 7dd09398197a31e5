import { z } from 'zod';
import { kafkaConfigSchema, kafkaSettingsFromEnvironment, kafkaVariables } from '#shared/bus';
import {
  commonSettings,
  commonVariables,
  type Environment,
  nested,
  type Outcome,
  readEnvironment,
  settingsFrom,
  type Variable,
} from '#shared/runtime';
import {
  retentionPeriodSchema,
  retentionVariable,
  serverConfigSchema,
  serverSettingsFromEnvironment,
  serverVariables,
} from '#shared/store';
import { defaultRejectCeiling, type RejectCeiling } from './ceiling.ts';

const schema = z.object({
  ...commonSettings,
  retention: retentionPeriodSchema.prefault('P6M'),
  kafka: kafkaConfigSchema,
  clickhouse: serverConfigSchema,
  ceiling: z
    .object({
      rejects: z.int().min(0).max(1_000_000_000).default(defaultRejectCeiling.rejects),
      share: z.number().min(0).max(1).default(defaultRejectCeiling.share),
    })
    .transform((ceiling): RejectCeiling => ({ ...defaultRejectCeiling, ...ceiling }))
    .prefault({}),
});
/** Configuration of the ingester as a process of its own. */
export type IngesterSettings = z.infer<typeof schema>;

const own: readonly Variable[] = [
  {
    name: 'INGESTER_MAX_REJECTS',
    member: 'ceiling.rejects',
    about: 'a whole number: this many refused records of a partition’s last 10,000 are never too many',
    default: String(defaultRejectCeiling.rejects),
    read: Number,
  },
  {
    name: 'INGESTER_MAX_REJECT_SHARE',
    member: 'ceiling.share',
    about: 'more rejects than these, and more than this share (0 to 1) of the records, stop the ingester',
    default: String(defaultRejectCeiling.share),
    read: Number,
  },
  retentionVariable,
  ...commonVariables,
];

export const ingesterVariables: readonly Variable[] = [
  ...nested('kafka', kafkaVariables),
  ...nested('clickhouse', serverVariables),
  ...own,
];

export function readIngesterSettings(env: Environment): Promise<Outcome<IngesterSettings>> {
  const settings = {
    ...settingsFrom(own, env),
    kafka: kafkaSettingsFromEnvironment(env),
    clickhouse: serverSettingsFromEnvironment(env),
  };
  return readEnvironment(env, { variables: ingesterVariables, settings, schema });
}

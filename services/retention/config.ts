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
  topologySchema,
  topologyVariables,
} from '#shared/store';

const path = z.string().min(1).max(4096);

/** Where this process is on the server's host, and looks after the keys of its disk. */
const diskKeys = z.object({
  folder: path,
  keyFolder: path,
  configurationFile: path,
  disk: z.coerce.number().int().min(0).max(999).default(0),
  days: z.coerce.number().int().min(1).max(92).default(7),
});

const schema = z.object({
  ...commonSettings,
  retention: retentionPeriodSchema.prefault('P6M'),
  legalBasis: z.string().min(1).max(500),
  credentialFile: path,
  caFile: path.optional(),
  apiUrl: z.url({ protocol: /^https?$/ }).optional(),
  clickhouse: serverConfigSchema,
  tables: topologySchema.prefault({}),
  diskKeys: diskKeys.optional(),
  /** Where it is given, the topics' settings are looked at, too. */
  kafka: kafkaConfigSchema.optional(),
});
/** Configuration of the retention service as a process of its own. */
export type RetentionSettings = z.infer<typeof schema>;

const own: readonly Variable[] = [
  {
    name: 'RETENTION_LEGAL_BASIS',
    member: 'legalBasis',
    about: 'the law or policy that the period follows, in your own words; stands in the ledger',
    required: true,
  },
  {
    name: 'RETENTION_CREDENTIAL_FILE',
    member: 'credentialFile',
    about: 'credential of the role retention (griffie key new), with which the ledger’s entries are signed',
    required: true,
    file: true,
  },
  {
    name: 'RETENTION_API_URL',
    member: 'apiUrl',
    about: 'URL under which this process reaches the disclosure API',
    default: 'the public URL, as the credential file has it',
  },
  {
    name: 'RETENTION_CA_FILE',
    member: 'caFile',
    about: 'PEM of the authority that signed the disclosure API’s certificate',
    default: 'the system’s',
    file: true,
  },
  retentionVariable,
  ...commonVariables,
];

const diskVariables: readonly Variable[] = [
  {
    name: 'RETENTION_DISK_FOLDER',
    member: 'folder',
    about: 'folder of the encrypted disk, where this process is on the server’s host and changes its keys',
  },
  {
    name: 'RETENTION_DISK_KEY_FOLDER',
    member: 'keyFolder',
    about: 'folder of the disk’s keys; needed with RETENTION_DISK_FOLDER',
  },
  {
    name: 'RETENTION_DISK_KEY_CONFIG_FILE',
    member: 'configurationFile',
    about: 'file in the server’s config.d that the keys are written to; needed with RETENTION_DISK_FOLDER',
  },
  {
    name: 'RETENTION_DISK_NUMBER',
    member: 'disk',
    about:
      'on each further host of a cluster a number of its own, 1 to 999: there this process looks after the keys of that host’s disk, and the process with 0 after everything else',
    default: '0',
  },
  {
    name: 'RETENTION_DISK_KEY_DAYS',
    member: 'days',
    about: 'how many days are written under one key',
    default: '7',
  },
];

/** The cluster is optional here: without brokers the topics are not looked at. */
const optionalKafka: readonly Variable[] = kafkaVariables.map(({ required: _, ...variable }) => variable);

export const retentionVariables: readonly Variable[] = [
  ...own,
  ...nested('clickhouse', serverVariables),
  ...nested('tables', topologyVariables),
  ...nested('diskKeys', diskVariables),
  ...nested('kafka', optionalKafka),
];

export function readRetentionSettings(env: Environment): Promise<Outcome<RetentionSettings>> {
  const kafka = env.KAFKA_BROKERS ? { kafka: kafkaSettingsFromEnvironment(env) } : {};
  const settings = {
    ...settingsFrom(own, env),
    clickhouse: serverSettingsFromEnvironment(env),
    tables: settingsFrom(topologyVariables, env),
    ...(env.RETENTION_DISK_FOLDER ? { diskKeys: settingsFrom(diskVariables, env) } : {}),
    ...kafka,
  };
  return readEnvironment(env, { variables: retentionVariables, settings, schema });
}

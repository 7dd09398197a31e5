import { z } from 'zod';
import { kafkaConfigSchema, kafkaSettingsFromEnvironment, kafkaVariables } from '#shared/bus';
import { isMasterKeyText } from '#shared/case-files';
import {
  commonSettings,
  commonVariables,
  type Environment,
  isLoopback,
  type ListenAddress,
  listenAddressSchema,
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
import { alarmSettingsSchema, alarmVariables } from './alarm-settings.ts';
import { passkeyPolicySchema } from './passkeys/models.ts';
import { revocationSettingsSchema, revocationVariables } from './revocation/index.ts';

const path = z.string().min(1).max(4096);

/** `aud` of signed requests: compared byte for byte, so written in one form only. */
export const publicUrlSchema = z.string().transform((value, context) => {
  const url = URL.canParse(value) ? new URL(value) : null;
  if (
    !url ||
    !/^https?:$/.test(url.protocol) ||
    url.search ||
    url.hash ||
    url.username ||
    value.endsWith('/')
  ) {
    context.addIssue({ code: 'custom', message: 'must be an http(s) URL without query and trailing slash' });
  }
  // What officers sign goes over the network in the clear otherwise; their client refuses it, too.
  if (url?.protocol === 'http:' && !isLoopback(url.hostname)) {
    context.addIssue({ code: 'custom', message: 'must be https, unless it is for this computer alone' });
  }
  return value;
});

/** Who stamps a checkpoint a day, and whose certificates vouch for that. */
export const timestampAuthoritySchema = z.strictObject({
  url: z.url({ protocol: /^https?$/, error: 'must be an http(s) URL' }),
  caFile: path,
});

const tls = z
  .strictObject({ certFile: path.optional(), keyFile: path.optional(), clientAnchorsFile: path.optional() })
  .refine(({ certFile, keyFile }) => (certFile === undefined) === (keyFile === undefined), {
    message: 'certificate and key go together',
  })
  .refine(({ certFile, clientAnchorsFile }) => certFile !== undefined || clientAnchorsFile === undefined, {
    message: 'client certificates are asked for over TLS only',
  })
  .transform(({ certFile, keyFile, clientAnchorsFile }) =>
    certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile, clientAnchorsFile },
  );

const schema = z
  .object({
    ...commonSettings,
    retention: retentionPeriodSchema.prefault('P6M'),
    clickhouse: serverConfigSchema,
    dataFolder: path,
    keyFolder: path,
    /** What gives the ledger its order: this process alone, or a topic that several replicas share. */
    ledger: z.enum(['folder', 'kafka']).default('folder'),
    kafka: kafkaConfigSchema.optional(),
    sharedFolder: path.optional(),
    listen: listenAddressSchema.prefault('127.0.0.1:8425'),
    publicUrl: publicUrlSchema.optional(),
    /** Name of the operator, as it stands on written disclosures. */
    operator: z.string().min(1).max(200),
    tls: tls.prefault({}),
    caseMasterKeys: z
      .string()
      .max(1024)
      .refine(isMasterKeyText, 'must hold one master key of the case files, or several with commas between')
      .optional(),
    timestamps: timestampAuthoritySchema.optional(),
    regimeFolder: path.optional(),
    documentAnchorsFile: path.optional(),
    certificateAnchorsFile: path.optional(),
    certificateLists: revocationSettingsSchema.optional(),
    passkeys: passkeyPolicySchema.optional(),
    alarms: alarmSettingsSchema.prefault({}),
    witnessPolicyFile: path.optional(),
    witnessIntervalSeconds: z.int().min(1).max(86_400).default(60),
  })
  .refine(({ listen, tls }) => tls !== undefined || isLoopback(listen.host), {
    path: ['listen'],
    message: 'an address that others reach needs DISCLOSURE_TLS_CERT_FILE and DISCLOSURE_TLS_KEY_FILE',
  })
  .refine(({ ledger, sharedFolder }) => (ledger === 'kafka') === (sharedFolder !== undefined), {
    path: ['sharedFolder'],
    message: 'goes with DISCLOSURE_LEDGER=kafka, and only with it',
  })
  .refine(
    ({ certificateAnchorsFile, certificateLists }) =>
      certificateLists === undefined || certificateAnchorsFile !== undefined,
    {
      path: ['certificateLists', 'path'],
      message: 'goes with DISCLOSURE_CERTIFICATE_ANCHORS_FILE',
    },
  )
  .refine(({ listen, healthListen }) => listen.port !== healthListen.port || listen.port === 0, {
    path: ['healthListen'],
    message: 'must have another port than DISCLOSURE_LISTEN',
  });
/** Configuration of the disclosure API as a process of its own. */
export type DisclosureSettings = z.infer<typeof schema>;

const own: readonly Variable[] = [
  {
    name: 'DISCLOSURE_DATA_FOLDER',
    member: 'dataFolder',
    about: 'folder of ledger, case files and packages, on a local disk; no other process may use it',
    required: true,
  },
  {
    name: 'DISCLOSURE_KEY_FOLDER',
    member: 'keyFolder',
    about: 'folder of the keys, best on another disk than the data; made at the first start',
    required: true,
  },
  {
    name: 'DISCLOSURE_CASE_MASTER_KEYS',
    member: 'caseMasterKeys',
    about: 'master key of the case files, for platforms that give secrets so; the last of several wraps',
    default: 'the file case-master-keys.txt in the key folder',
  },
  {
    name: 'DISCLOSURE_LEDGER',
    member: 'ledger',
    about:
      'folder: this process alone writes the ledger; kafka: several replicas do, in the order of a topic',
    default: 'folder',
  },
  {
    name: 'DISCLOSURE_SHARED_FOLDER',
    member: 'sharedFolder',
    about:
      'folder of case files and packages on storage that all replicas share; with DISCLOSURE_LEDGER=kafka',
  },
  {
    name: 'DISCLOSURE_OPERATOR',
    member: 'operator',
    about: 'name of the operator, as it stands on written disclosures',
    required: true,
  },
  { name: 'DISCLOSURE_LISTEN', member: 'listen', about: 'host:port of the API', default: '127.0.0.1:8425' },
  {
    name: 'DISCLOSURE_PUBLIC_URL',
    member: 'publicUrl',
    about: 'URL under which officers reach the API',
    default: 'the listen address',
  },
  {
    name: 'DISCLOSURE_TLS_CERT_FILE',
    member: 'tls.certFile',
    about: 'PEM of the API’s certificate; required unless it listens on this machine alone',
    file: true,
  },
  {
    name: 'DISCLOSURE_TIMESTAMP_URL',
    member: 'timestamps.url',
    about: 'time-stamping authority (RFC 3161) that stamps a checkpoint a day',
  },
  {
    name: 'DISCLOSURE_TIMESTAMP_CA_FILE',
    member: 'timestamps.caFile',
    about: 'PEM of the certificates that its time stamps must lead to; goes with the URL',
    file: true,
  },
  {
    name: 'DISCLOSURE_REGIME_FOLDER',
    member: 'regimeFolder',
    about: 'folder of the data files of more legal regimes than those that are shipped',
  },
  {
    name: 'DISCLOSURE_DOCUMENT_ANCHORS_FILE',
    member: 'documentAnchorsFile',
    about: 'PEM of the certificates that signatures of orders’ documents must lead to',
    file: true,
  },
  {
    name: 'DISCLOSURE_CERTIFICATE_ANCHORS_FILE',
    member: 'certificateAnchorsFile',
    about: 'PEM of the authorities whose certificates people’s keys may be enrolled with',
    file: true,
  },
  ...revocationVariables,
  {
    name: 'DISCLOSURE_PASSKEY_MODELS',
    member: 'passkeys.models',
    about: 'AAGUIDs of the authenticators that passkeys may be on, separated by commas; any where absent',
    read: (text) => text.split(','),
  },
  {
    name: 'DISCLOSURE_PASSKEY_ROOTS_FILE',
    member: 'passkeys.rootsFile',
    about: 'PEM of the authorities with which makers vouch for those models; required with them',
    file: true,
  },
  {
    name: 'DISCLOSURE_WITNESS_POLICY_FILE',
    member: 'witnessPolicyFile',
    about: 'witnesses that checkpoints are submitted to, and how many must cosign (C2SP tlog-policy)',
    file: true,
  },
  {
    name: 'DISCLOSURE_WITNESS_INTERVAL',
    member: 'witnessIntervalSeconds',
    about: 'seconds between submissions to the witnesses, 1 to 86400',
    default: '60',
    read: Number,
  },
  { name: 'DISCLOSURE_TLS_KEY_FILE', member: 'tls.keyFile', about: 'PEM of the API’s key', file: true },
  {
    name: 'DISCLOSURE_TLS_CLIENT_ANCHORS_FILE',
    member: 'tls.clientAnchorsFile',
    about: 'PEM of the authorities of which every client must show a certificate, besides what it signs',
    file: true,
  },
  ...alarmVariables,
  retentionVariable,
  ...commonVariables,
];

export const disclosureVariables: readonly Variable[] = [
  ...own,
  ...nested('clickhouse', serverVariables),
  // Needed only where the ledger is on Kafka.
  ...nested('kafka', kafkaVariables).map(({ required: _, ...variable }) => variable),
];

export function readDisclosureSettings(env: Environment): Promise<Outcome<DisclosureSettings>> {
  const settings = {
    ...settingsFrom(own, env),
    clickhouse: serverSettingsFromEnvironment(env),
    ...(env.DISCLOSURE_LEDGER === 'kafka' ? { kafka: kafkaSettingsFromEnvironment(env) } : {}),
  };
  return readEnvironment(env, { variables: disclosureVariables, settings, schema });
}

/** The public URL in force: the configured one, or `http(s)://` and the listen address. */
export function publicUrlOf(config: {
  readonly publicUrl?: string | undefined;
  readonly listen: ListenAddress;
  readonly tls?: object | undefined;
}): string {
  const { publicUrl, listen, tls } = config;
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  return publicUrl ?? `${tls ? 'https' : 'http'}://${host}:${listen.port}`;
}

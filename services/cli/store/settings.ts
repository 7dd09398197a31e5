import { type Command, Option } from 'commander';
import { z } from 'zod';
import { nested, readEnvironment, settingsFrom, type Variable } from '#shared/runtime';
import {
  retentionPeriodSchema,
  retentionVariable,
  serverConfigSchema,
  serverSettingsFromEnvironment,
  serverVariables,
  topologySchema,
  topologyVariables,
} from '#shared/store';
import { unusable } from '../errors.ts';
import type { CliIo } from '../io.ts';

/** What the options give: texts by camel-cased option, as commander keeps them. */
export type StoreOptions = Readonly<Record<string, unknown>>;

const options: readonly Variable[] = [...serverVariables, ...topologyVariables, retentionVariable];

/** Gives a command one option for each variable: `--url` for `CLICKHOUSE_URL`. */
export function withStoreOptions(command: Command): Command {
  for (const { name, about, default: inForce, file } of options) {
    const standard = inForce === undefined ? '' : `; default: ${inForce}`;
    command.addOption(
      new Option(`${flagOf(name)} <${file ? 'file' : 'value'}>`, `${about} (${name}${standard})`),
    );
  }
  return command;
}

/** `CLICKHOUSE_TLS_CA_FILE` is `--tls-ca-file`. */
const flagOf = (name: string): string =>
  `--${name.replace('CLICKHOUSE_', '').toLowerCase().replaceAll('_', '-')}`;

const retention = retentionPeriodSchema.prefault('P6M');
const serverSettings = z.strictObject({
  server: serverConfigSchema,
  tables: topologySchema.prefault({}),
  retention,
});
const embeddedSettings = z.strictObject({ retention });

/** Where the tables are, and what they should be. */
export type StoreSettings =
  | ({ readonly kind: 'server' } & z.infer<typeof serverSettings>)
  | ({ readonly kind: 'embedded'; readonly folder: string; readonly diskKeys: string | undefined } & z.infer<
      typeof embeddedSettings
    >);

/**
 * Settings from the environment, with the command's options over it; `--data` names an embedded store.
 * @throws {CliError} `config.store` with every variable that is wrong
 */
export async function readStoreSettings(io: CliIo, given: StoreOptions): Promise<StoreSettings> {
  const set = options.flatMap(({ name }) => {
    const value = given[new Option(flagOf(name)).attributeName()];
    return typeof value === 'string' ? [[name, value] as const] : [];
  });
  const folder = given.data;
  if (typeof folder === 'string') {
    const foreign = set.find(([name]) => name !== retentionVariable.name);
    if (foreign !== undefined) {
      throw unusable('config.store', `--data is the embedded store: it has no ${flagOf(foreign[0])}`);
    }
    const env = { RETENTION_PERIOD: io.env.RETENTION_PERIOD, ...Object.fromEntries(set) };
    const diskKeys = typeof given.diskKeys === 'string' ? given.diskKeys : undefined;
    return {
      kind: 'embedded',
      folder,
      diskKeys,
      ...(await read(env, [retentionVariable], embeddedSettings)),
    };
  }
  const env = { ...io.env, ...Object.fromEntries(set) };
  const variables = [
    ...nested('server', serverVariables),
    ...nested('tables', topologyVariables),
    retentionVariable,
  ];
  const settings = {
    server: serverSettingsFromEnvironment(env),
    tables: settingsFrom(topologyVariables, env),
    ...settingsFrom([retentionVariable], env),
  };
  return { kind: 'server', ...(await read(env, variables, serverSettings, settings)) };
}

async function read<T>(
  env: CliIo['env'],
  variables: readonly Variable[],
  schema: z.ZodType<T>,
  settings: unknown = settingsFrom(variables, env),
): Promise<T> {
  const outcome = await readEnvironment(env, { variables, settings, schema });
  if (outcome.ok) return outcome.settings;
  throw unusable(
    'config.store',
    'the settings for the store are not right; give them as options or in the environment',
    outcome.problems.map((sentence) => ({ path: '', sentence })),
  );
}

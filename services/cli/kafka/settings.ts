import { type Command, Option } from 'commander';
import { z } from 'zod';
import {
  KafkaError,
  kafkaConfigSchema,
  kafkaSettingsFromEnvironment,
  kafkaVariables,
  topicSizingSchema,
  topicSizingVariables,
} from '#shared/bus';
import { nested, readEnvironment, settingsFrom, type Variable } from '#shared/runtime';
import { CliError, unavailable, unusable } from '../errors.ts';
import type { CliIo } from '../io.ts';

/** What the options of a Kafka command give: texts by camel-cased option, as commander keeps them. */
export type KafkaOptions = Readonly<Record<string, unknown>>;

/** Their names in commands: what is set for a service by its environment can be given here as an option. */
const connectionVariables = kafkaVariables.filter(({ name }) => name !== 'KAFKA_CLIENT_ID');

/** Gives a command one option for each variable of the connection: `--brokers` for `KAFKA_BROKERS`. */
export function withKafkaOptions(command: Command): Command {
  return withVariables(command, connectionVariables);
}

/** The same for the sizes of topics. */
export function withSizingOptions(command: Command): Command {
  return withVariables(command, topicSizingVariables);
}

function withVariables(command: Command, variables: readonly Variable[]): Command {
  for (const { name, about, default: inForce, file } of variables) {
    const standard = inForce === undefined ? '' : `; default: ${inForce}`;
    command.addOption(
      new Option(`${flagOf(name)} <${file ? 'file' : 'value'}>`, `${about} (${name}${standard})`),
    );
  }
  return command;
}

/** `KAFKA_TLS_CA_FILE` is `--tls-ca-file`. */
const flagOf = (name: string): string => `--${name.replace('KAFKA_', '').toLowerCase().replaceAll('_', '-')}`;

const settingsSchema = z.strictObject({ kafka: kafkaConfigSchema, sizing: topicSizingSchema.prefault({}) });
export type KafkaSettings = z.infer<typeof settingsSchema>;

const variables = [...nested('kafka', kafkaVariables), ...nested('sizing', topicSizingVariables)];

/**
 * Settings from the environment, with the command's options over it.
 * @throws {CliError} `config.kafka` with every variable that is wrong
 */
export async function readKafkaSettings(io: CliIo, options: KafkaOptions): Promise<KafkaSettings> {
  const given = variables.flatMap(({ name }) => {
    const value = options[new Option(flagOf(name)).attributeName()];
    return typeof value === 'string' ? [[name, value] as const] : [];
  });
  const env = { ...io.env, ...Object.fromEntries(given) };
  const settings = {
    kafka: kafkaSettingsFromEnvironment(env),
    sizing: settingsFrom(topicSizingVariables, env),
  };
  const outcome = await readEnvironment(env, { variables, settings, schema: settingsSchema });
  if (outcome.ok) return outcome.settings;
  throw unusable(
    'config.kafka',
    'the settings for Kafka are not right; give them as options or in the environment',
    outcome.problems.map((sentence) => ({ path: '', sentence })),
  );
}

/** Runs what talks to the cluster; where the cluster is away, that is the network's exit code. */
export async function talkToKafka<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CliError || !(error instanceof KafkaError)) throw error;
    throw error.code === 'kafka.unavailable' ? unavailable(error.code, error.message) : error;
  }
}

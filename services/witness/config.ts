import { z } from 'zod';
import {
  commonSettings,
  commonVariables,
  type Environment,
  listenAddressSchema,
  type Outcome,
  readEnvironment,
  settingsFrom,
  type Variable,
} from '#shared/runtime';

const path = z.string().min(1).max(4096);

const schema = z
  .object({
    ...commonSettings,
    folder: path,
    name: z
      .string()
      .max(255)
      .regex(
        /^[^\s+]+$/u,
        'must be a name without spaces and plus signs, such as witness.example.nl/griffie',
      ),
    logsFile: path,
    listen: listenAddressSchema.prefault('127.0.0.1:8426'),
  })
  .refine(({ listen, healthListen }) => listen.port !== healthListen.port || listen.port === 0, {
    path: ['healthListen'],
    message: 'must have another port than WITNESS_LISTEN',
  });
/** Configuration of a witness. */
export type WitnessSettings = z.infer<typeof schema>;

export const witnessVariables: readonly Variable[] = [
  {
    name: 'WITNESS_FOLDER',
    member: 'folder',
    about: 'folder of its key and of what it cosigned last, on a local disk; made at the first start',
    required: true,
  },
  {
    name: 'WITNESS_NAME',
    member: 'name',
    about: 'its name for ever: a URL prefix of yours without https://, such as witness.example.nl/griffie',
    required: true,
  },
  {
    name: 'WITNESS_LOGS_FILE',
    member: 'logsFile',
    about: 'file of the verifier keys of the logs to follow, one a line',
    required: true,
    file: true,
  },
  {
    name: 'WITNESS_LISTEN',
    member: 'listen',
    about: 'host:port of add-checkpoint',
    default: '127.0.0.1:8426',
  },
  ...commonVariables,
];

export function readWitnessSettings(env: Environment): Promise<Outcome<WitnessSettings>> {
  return readEnvironment(env, {
    variables: witnessVariables,
    settings: settingsFrom(witnessVariables, env),
    schema,
  });
}

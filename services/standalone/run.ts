import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { z } from 'zod';
import { announceAdministrators, announceKeys } from '#services/disclosure';
import { createLogger, systemClock } from '#shared/runtime';
import { type StandaloneConfig, standaloneConfigSchema } from './config.ts';
import { type Standalone, startStandalone } from './standalone.ts';

/** Options of `griffie start`, as the command line gives them; those that are given win over the file. */
export interface StartOptions {
  readonly config?: string;
  readonly data?: string;
  /** Paths of log files. */
  readonly source?: readonly string[];
  readonly timeZone?: string;
  readonly from?: string;
  readonly listen?: string;
  readonly publicUrl?: string;
  readonly operator?: string;
  /** One JSON object instead of sentences. */
  readonly json?: boolean;
}

export interface StartIo {
  /** One line for the person who starts it. */
  say(line: string): void;
  /** One line of the structured log. */
  log(line: string): void;
  readonly stdin?: AsyncIterable<Uint8Array>;
  /** Resolves when the process is asked to stop. */
  readonly stopRequested: Promise<void>;
}

/** The configuration is wrong: the sentences say where and what. */
export class ConfigError extends Error {
  readonly code = 'config.invalid';
  constructor(problems: readonly string[]) {
    super(`the configuration is invalid: ${problems.join('; ')}`);
    this.name = 'ConfigError';
  }
}

/** Runs the embedded default until it is asked to stop, or throws why it can go on no longer. */
export async function runStandalone(options: StartOptions, io: StartIo): Promise<void> {
  const config = await readConfig(options);
  const standalone = await startStandalone(config, {
    clock: systemClock,
    logger: createLogger('standalone', io.log),
    ...(io.stdin ? { stdin: io.stdin } : {}),
  });
  const { url, keyFolder, keysMade, diskKeyFolder, administrators } = standalone;
  if (options.json) io.say(JSON.stringify({ url, keyFolder, keysMade, diskKeyFolder, administrators }));
  else for (const line of welcome(standalone)) io.say(line);
  const failure = await Promise.race([io.stopRequested, standalone.failed]);
  await standalone.stop();
  if (failure !== undefined) throw failure;
}

function welcome(standalone: Standalone): string[] {
  const { url, keyFolder, keysMade, diskKeyFolder, diskKeyMade, administrators } = standalone;
  const diskKeys = diskKeyMade
    ? [
        `Traffic data are encrypted on the disk, under keys that change and are destroyed: ${diskKeyFolder}`,
        'Do not back these up with the data: see docs/keys.md.',
      ]
    : [];
  return [
    ...announceKeys(keyFolder, keysMade),
    ...diskKeys,
    ...announceAdministrators(administrators),
    `Griffie is listening on ${url}`,
  ];
}

async function readConfig(options: StartOptions): Promise<StandaloneConfig> {
  const { source, timeZone, from, data, listen, publicUrl, operator } = options;
  const given = Object.entries({ dataFolder: data, listen, publicUrl, operator });
  const file = options.config === undefined ? {} : await readConfigFile(options.config);
  const merged = { ...file, ...Object.fromEntries(given.filter(([, value]) => value !== undefined)) };
  const sources = (source ?? []).map((path) => ({
    kind: 'file',
    id: sourceIdOf(path),
    path,
    ...(timeZone === undefined ? {} : { timeZone }),
    ...(from === undefined ? {} : { from }),
  }));
  const parsed = standaloneConfigSchema.safeParse({
    ...merged,
    ...(sources.length > 0 ? { sources: [...(file.sources ?? []), ...sources] } : {}),
  });
  if (!parsed.success) {
    throw new ConfigError(parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`));
  }
  return parsed.data;
}

const configFile = z.looseObject({ sources: z.array(z.unknown()).optional() });

async function readConfigFile(path: string): Promise<z.infer<typeof configFile>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    throw new ConfigError([`${path} cannot be read`]);
  }
  try {
    return configFile.parse(JSON.parse(text));
  } catch {
    throw new ConfigError([`${path} is no JSON object`]);
  }
}

/** A source's id from its file name: `/var/log/mail.log` is `mail-log`. */
function sourceIdOf(path: string): string {
  return basename(path)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 32);
}

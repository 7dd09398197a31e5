import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { kafkaConfigSchema, kafkaSettingsFromEnvironment, kafkaVariables } from '#shared/bus';
import {
  commonSettings,
  commonVariables,
  type Environment,
  nested,
  type Outcome,
  parseStrictJson,
  readEnvironment,
  settingsFrom,
  type Variable,
} from '#shared/runtime';
import type { SourceConfig } from './config.ts';
import { sourceListSchema } from './source-list.ts';

const text = z.string().min(1).max(4096);

const schema = z.object({
  ...commonSettings,
  kafka: kafkaConfigSchema,
  stateFolder: text,
  sourcesFile: text,
});

/** Configuration of the collector as a process of its own. */
export interface CollectorSettings extends z.infer<typeof schema> {
  readonly sources: readonly SourceConfig[];
}

const own: readonly Variable[] = [
  {
    name: 'COLLECTOR_SOURCES_FILE',
    member: 'sourcesFile',
    about: 'JSON array of the sources to follow',
    required: true,
    file: true,
  },
  {
    name: 'COLLECTOR_STATE_FOLDER',
    member: 'stateFolder',
    about: 'folder of the checkpoints, on a local disk that outlives the process',
    required: true,
  },
  ...commonVariables,
];

export const collectorVariables: readonly Variable[] = [...own, ...nested('kafka', kafkaVariables)];

export async function readCollectorSettings(env: Environment): Promise<Outcome<CollectorSettings>> {
  const settings = { ...settingsFrom(own, env), kafka: kafkaSettingsFromEnvironment(env) };
  const outcome = await readEnvironment(env, { variables: collectorVariables, settings, schema });
  if (!outcome.ok) return outcome;
  const sources = await readSources(outcome.settings.sourcesFile);
  return sources.ok ? { ok: true, settings: { ...outcome.settings, sources: sources.settings } } : sources;
}

async function readSources(path: string): Promise<Outcome<readonly SourceConfig[]>> {
  const refuse = (...problems: string[]): Outcome<readonly SourceConfig[]> => ({
    ok: false,
    problems: problems.map((problem) => `COLLECTOR_SOURCES_FILE: ${problem}`),
  });
  const json = parseStrictJson(await readFile(path));
  if (!json.ok) return refuse(`is no JSON (${json.reason})`);
  const parsed = sourceListSchema.min(1, 'must name at least one source').safeParse(json.value);
  if (parsed.success) return { ok: true, settings: parsed.data };
  return refuse(...parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`.trim()));
}

import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import type { z } from 'zod';
import { nearestName } from './nearest-name.ts';
import { isForeign, ownPrefixes, variableNames } from './variable-names.ts';

/** The process's environment, as `main.ts` gives it. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** One environment variable that a service reads. */
export interface Variable {
  readonly name: string;
  /** What it may be, for `--help` and for the sentence that says that it is not. */
  readonly about: string;
  /** Where its value stands in the settings: `kafka.tls.caFile`. What the schema finds there is told under this name. */
  readonly member: string;
  /** In force where it is not set; the schema sees to that, this is for `--help`. */
  readonly default?: string;
  readonly required?: true;
  /** Its value is the path of a file that must be readable. Secrets are only ever given so. */
  readonly file?: true;
  /** Its text as the schema takes it; itself where absent. */
  readonly read?: (text: string) => unknown;
}

export type Outcome<T> =
  | { readonly ok: true; readonly settings: T }
  /** One sentence each, beginning with the variable's name; never its value. */
  | { readonly ok: false; readonly problems: readonly string[] };

/** The same variables, with their values one level deeper in the settings. */
export function nested(member: string, variables: readonly Variable[]): Variable[] {
  return variables.map((variable) => ({ ...variable, member: `${member}.${variable.member}` }));
}

/**
 * Plain input for a schema: each variable that is set, under its member. A variable set to nothing counts as
 * not set, which is how compose files and unit files leave one out.
 */
export function settingsFrom(variables: readonly Variable[], env: Environment): Record<string, unknown> {
  const settings: Record<string, unknown> = {};
  for (const { name, member, read = (text: string) => text } of variables) {
    const text = env[name];
    if (text === undefined || text === '') continue;
    const path = member.split('.');
    const last = path.pop() ?? '';
    let at: Record<string, unknown> = settings;
    for (const step of path) {
      const below = at[step];
      at = isObject(below) ? below : assign(at, step);
    }
    at[last] = read(text);
  }
  return settings;
}

/**
 * A service's settings, or everything that is wrong with its environment.
 * @param from.settings plain input for the schema, of `from.variables`
 */
export async function readEnvironment<T>(
  env: Environment,
  from: {
    readonly variables: readonly Variable[];
    readonly settings: unknown;
    readonly schema: z.ZodType<T>;
  },
): Promise<Outcome<T>> {
  const { variables, settings, schema } = from;
  const problems = [...misspelt(env), ...(await unreadableFiles(env, variables))];
  const parsed = schema.safeParse(settings);
  if (!parsed.success) {
    problems.push(...parsed.error.issues.flatMap((issue) => sentencesOf(issue, env, variables)));
  }
  if (problems.length > 0 || !parsed.success) return { ok: false, problems: [...new Set(problems)] };
  return { ok: true, settings: parsed.data };
}

/** Names that begin as ours do and are none: a setting that somebody believes to be in force. */
function misspelt(env: Environment): string[] {
  return Object.keys(env)
    .filter((name) => ownPrefixes.some((prefix) => name.startsWith(prefix)))
    .filter((name) => !variableNames.includes(name) && !isForeign(name))
    .map((name) => `${name}: is no variable of Griffie; did you mean ${nearestName(name, variableNames)}?`);
}

async function unreadableFiles(env: Environment, variables: readonly Variable[]): Promise<string[]> {
  const problems: string[] = [];
  for (const { name, file } of variables) {
    const path = env[name];
    if (!file || !path) continue;
    try {
      await access(path, constants.R_OK);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      problems.push(`${name}: names a file that cannot be read (${code})`);
    }
  }
  return problems;
}

/** What is wrong, by the variables that the issue is about. Texts of our schemas quote no values. */
function sentencesOf(issue: z.core.$ZodIssue, env: Environment, variables: readonly Variable[]): string[] {
  const path = issue.path.join('.');
  const isSet = ({ name }: Variable) => env[name] !== undefined && env[name] !== '';
  const below = variables.filter(({ member }) => member.startsWith(`${path}.`));
  const about = closest(path, variables);
  const isRule = issue.code === 'custom';
  // A rule about several members is told to all who gave one; a value that is none, to its own variable.
  const named = isRule && below.some(isSet) ? below.filter(isSet) : about ? [about] : below.slice(0, 1);
  return named.map((variable) => {
    if (!isSet(variable)) return `${variable.name}: is required (${variable.about})`;
    const reason = isRule || issue.code === 'invalid_format' ? issue.message : undefined;
    return `${variable.name}: ${reason ?? `is not valid; it is ${variable.about}`}`;
  });
}

/** The variable whose value holds the member at `path`. */
function closest(path: string, variables: readonly Variable[]): Variable | undefined {
  return variables
    .filter(({ member }) => path === member || path.startsWith(`${member}.`))
    .sort((a, b) => b.member.length - a.member.length)[0];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

function assign(at: Record<string, unknown>, step: string): Record<string, unknown> {
  const made = {};
  at[step] = made;
  return made;
}

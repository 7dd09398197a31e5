import type { Variable } from './environment.ts';

/** The text of `--help`: what the service does, and the variables that it reads. */
export function usageOf({
  name,
  summary,
  variables,
}: {
  readonly name: string;
  readonly summary: string;
  readonly variables: readonly Variable[];
}): string {
  const width = Math.max(...variables.map((variable) => variable.name.length));
  const lines = variables.map((variable) => {
    const fallback = variable.default === undefined ? '' : `; default: ${variable.default}`;
    return `  ${variable.name.padEnd(width)}  ${variable.about}${variable.required ? ' (required)' : fallback}`;
  });
  return [
    `griffie ${name}: ${summary}`,
    '',
    'It is configured by environment variables, runs until SIGTERM or SIGINT, and takes no arguments but',
    '--help and --version. Secrets are only ever read from files.',
    '',
    ...lines,
  ].join('\n');
}

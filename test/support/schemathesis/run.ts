import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { schemathesisFolder } from './available.ts';

/** What every answer is held against. */
const checks = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'negative_data_rejection',
];

export interface SchemathesisRun {
  readonly python: string;
  /** Where the service answers, through the proxy that signs. */
  readonly url: string;
  readonly seed: number;
  /** Also the edges of each schema, one after another, which are the same for every seed. */
  readonly edges: boolean;
  /** Most requests made at random for each operation. */
  readonly examples: number;
  /** Seconds after which it ends; absent: when all were made. */
  readonly seconds?: number;
  /** JSON file of ids and bodies; see hooks.py. */
  readonly seedFile: string;
  /** Its working folder. */
  readonly folder: string;
}

/** Runs it to its end. @returns exit code (0 where every check held) and what it printed */
export async function runSchemathesis(
  run: SchemathesisRun,
): Promise<{ code: number | null; report: string }> {
  const settings = ['--no-color', '--config-file', join(schemathesisFolder, 'schemathesis.toml')];
  const args = ['-m', 'schemathesis.cli', ...settings, 'run', `${run.url}/openapi.json`];
  const options = [
    ['--checks', checks.join(',')],
    ['--max-examples', String(run.examples)],
    ['--seed', String(run.seed)],
    ['--phases', run.edges ? 'coverage,fuzzing,stateful' : 'fuzzing,stateful'],
    run.seconds === undefined ? [] : ['--max-time', String(run.seconds)],
    ['--workers', '4'],
    ['--generation-database', 'none'],
    // The proxy signs: what the tool would leave out or invent is not what is sent.
    ['--generation-with-security-parameters', 'false'],
    ['--warnings', 'off'],
    ['--suppress-health-check', 'all'],
    ['--request-timeout', '20'],
    ['--continue-on-failure'],
    ['--no-shrink'],
  ].flat();
  const child = spawn(run.python, [...args, ...options], {
    cwd: run.folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH ?? '',
      PYTHONPATH: schemathesisFolder,
      PYTHONDONTWRITEBYTECODE: '1',
      PYTHONHASHSEED: '0',
      SCHEMATHESIS_HOOKS: 'hooks',
      FUZZ_SEEDS: run.seedFile,
    },
  });
  let report = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      report += text;
    });
  }
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, report };
}

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { packageRoot } from '#shared/runtime';

/*
 * Schemathesis, which makes requests from an OpenAPI description and holds the answers against it. Installed
 * once by the machine's own Python into a virtual environment; requirements.txt pins every package by version
 * and digest. Made with `pip-compile --generate-hashes --no-annotate --no-header --strip-extras` of the one
 * line `schemathesis==…`.
 */

export const schemathesisFolder = join(packageRoot, 'test/support/schemathesis');
const requirements = join(schemathesisFolder, 'requirements.txt');
const installMs = 240_000;

export type SchemathesisAvailability =
  | { readonly ok: true; readonly python: string }
  | { readonly ok: false; readonly reason: string };

/** A Python that can import it; installs it where it is not there yet (some ten seconds). */
export function schemathesisAvailable(): SchemathesisAvailability {
  const digest = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 16);
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  const folder = join(cache, 'griffie', `schemathesis-${digest}`);
  const python = join(folder, 'bin/python');
  if (existsSync(python)) return { ok: true, python };
  mkdirSync(dirname(folder), { recursive: true });
  // In a folder of its own first: what is under the name is whole, whoever else installs at the same time.
  const building = mkdtempSync(`${folder}-`);
  try {
    execute('python3', '-m', 'venv', building);
    const pip = [join(building, 'bin/python'), '-m', 'pip', 'install', '--quiet'] as const;
    execute(...pip, '--require-hashes', '--only-binary', ':all:', '--requirement', requirements);
    if (!existsSync(folder)) renameSync(building, folder);
    return { ok: true, python };
  } catch {
    return { ok: false, reason: 'needs Python 3.10 with venv, whose pip installs Schemathesis' };
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
}

function execute(program: string, ...args: string[]): void {
  execFileSync(program, args, { stdio: 'ignore', timeout: installMs });
}

import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { evict } from './cold.ts';
import type { Found, Kept } from './found.ts';

/* Log files of a day each, as logrotate leaves them: gzip'ed, read by zgrep. */

/** Compresses the files of a folder, as logrotate does. */
export function compress(folder: string): Kept {
  const started = performance.now();
  for (const name of readdirSync(folder)) execFileSync('gzip', [join(folder, name)]);
  const loadSeconds = (performance.now() - started) / 1000;
  const bytes = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  return { bytes, loadSeconds };
}

/** The lines that have an address in them: `grep -F` on bytes is the fastest that zgrep can do. */
export function findLines(folder: string, address: string, cold: boolean): Found {
  if (cold) evict(folder);
  const started = performance.now();
  const counted = execFileSync('sh', ['-c', 'zgrep -hF -- "$1" "$0"/*.gz | wc -l', folder, address], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  return { ms: performance.now() - started, count: Number(counted) };
}

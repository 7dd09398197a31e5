import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/*
 * Measurements are processes of their own: none inherits another's heap, compiled code or caches.
 */

/** Whether programs can be kept to one core here. */
export const canPin = has('taskset', ['--version']);

export function has(program: string, args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Runs a program on one core, where that can be had, and gives its standard output. */
export function onOneCore(program: string, args: readonly string[]): string {
  const [command, all] = canPin ? ['taskset', ['-c', '0', program, ...args]] : [program, [...args]];
  return execFileSync(command, all, { encoding: 'utf8', maxBuffer: 1 << 28 });
}

export function secondsOf(run: () => void): number {
  const started = process.hrtime.bigint();
  run();
  return Number(process.hrtime.bigint() - started) / 1e9;
}

/**
 * Runs a module of this folder as a process, and reads the one line of JSON that it prints.
 * @param name of the module, without its ending.
 */
export function runModule<Report>(name: string, args: readonly string[], cores: 'one' | 'all'): Report {
  const path = fileURLToPath(new URL(`${name}${extname(import.meta.url)}`, import.meta.url));
  const output =
    cores === 'one'
      ? onOneCore(process.execPath, [path, ...args])
      : execFileSync(process.execPath, [path, ...args], { encoding: 'utf8' });
  return JSON.parse(output) as Report;
}

/** A folder that is gone afterwards, whatever happens. */
export async function withFolder<Result>(use: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'griffie-bench-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

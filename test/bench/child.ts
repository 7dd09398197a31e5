import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
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

/** Where a process may run: a core of its own for each name, where they can be had. */
export type Cores = 'one' | 'another' | 'all';

/** The command that keeps a program to its core, where that can be had. */
export function pinned(
  program: string,
  args: readonly string[],
  cores: Cores,
): readonly [command: string, args: string[]] {
  if (cores === 'all' || !canPin) return [program, [...args]];
  const core = cores === 'one' ? 0 : Math.min(1, availableParallelism() - 1);
  return ['taskset', ['-c', String(core), program, ...args]];
}

/** Runs a program on one core, where that can be had, and gives its standard output. */
export function onOneCore(program: string, args: readonly string[]): string {
  return output(program, args, 'one');
}

function output(program: string, args: readonly string[], cores: Cores): string {
  const [command, all] = pinned(program, args, cores);
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
export function runModule<Report>(name: string, args: readonly string[], cores: Cores): Report {
  return JSON.parse(output(process.execPath, [modulePath(name), ...args], cores)) as Report;
}

/** Where a module of this folder is, in source and as built. */
export function modulePath(name: string): string {
  return fileURLToPath(new URL(`${name}${extname(import.meta.url)}`, import.meta.url));
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

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BenchResult } from '../bench.ts';
import type { WorkerMessage, WorkerOptions } from './messages.ts';

/** How a benchmark ended. */
export type Outcome =
  | { readonly kind: 'done'; readonly result: BenchResult }
  /** Something that it needs is not here. */
  | { readonly kind: 'skipped'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

export interface RunOptions extends WorkerOptions {
  /** Ends the benchmark early, which then has failed. */
  readonly signal: AbortSignal;
  progress(what: string): void;
  /** Module of its process; another one in tests. */
  readonly worker?: string;
}

const ownWorker = fileURLToPath(new URL(`worker${extname(import.meta.url)}`, import.meta.url));

/** Of what the benchmark's processes wrote, so much of the end is shown where it failed. */
const keptOutput = 4_000;
/** So long may a benchmark's processes take to end once they were told to. */
const graceMs = 5_000;

/**
 * Runs one benchmark as a process with a temporary folder of its own, which is gone afterwards, however it
 * ended. Never rejects: a benchmark that dies has failed, and the next one can run.
 */
export async function runBench(
  name: string,
  { signal, progress, worker = ownWorker, ...options }: RunOptions,
): Promise<Outcome> {
  const temporary = await mkdtemp(join(tmpdir(), 'griffie-bench-'));
  // A server that refuses to be run by root gets through to a folder of its own below.
  await chmod(temporary, 0o711);
  const child = fork(worker, [name, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // Keeps figures that JSON has no word for.
    serialization: 'advanced',
    // A process group, so that all that it starts ends with it.
    detached: true,
    env: { ...process.env, TMPDIR: temporary },
  });
  const output = keepEnd(child);
  const stop = () => endGently(child);
  signal.addEventListener('abort', stop);
  let last: Outcome | undefined;
  child.on('message', (message: WorkerMessage) => {
    if (message.kind === 'progress') progress(message.what);
    else last = message;
  });
  const closed = once(child, 'close');
  const [code, killedBy] = (await once(child, 'exit')) as [number | null, string | null];
  signalGroup(child, 'SIGKILL');
  await closed;
  signal.removeEventListener('abort', stop);
  await rm(temporary, { recursive: true, force: true, maxRetries: 3 });
  if (signal.aborted) return { kind: 'failed', reason: 'interrupted' };
  const outcome = last ?? { kind: 'failed', reason: `its process ended with ${killedBy ?? `code ${code}`}` };
  if (outcome.kind !== 'failed' || output() === '') return outcome;
  return { kind: 'failed', reason: `${outcome.reason}\n${output()}` };
}

function keepEnd({ stdout, stderr }: ChildProcess): () => string {
  let kept = '';
  for (const stream of [stdout, stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      kept = (kept + text).slice(-keptOutput);
    });
  }
  return () => kept.trim();
}

function endGently(child: ChildProcess): void {
  signalGroup(child, 'SIGTERM');
  const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), graceMs);
  child.once('exit', () => clearTimeout(timer));
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch (error) {
    // All of them have ended.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

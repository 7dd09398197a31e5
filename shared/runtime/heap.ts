import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker, type WorkerOptions } from 'node:worker_threads';

let isKeptSmall = false;

/**
 * Keeps the JavaScript heap of this process near what is in use: new objects get the few megabytes that they
 * have by now, where V8 would take up to 48, and old ones are collected after growing by a third, where it
 * would wait for a multiple. For a process that lives for months beside a mail server; costs about a fifth
 * of the collector's speed.
 *
 * V8 reads both flags at each collection, so that they hold from the call on. What was given to new objects
 * before is not taken back: to be called before the services are imported.
 */
export function keepHeapSmall(): void {
  isKeptSmall = true;
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=30');
}

let collect: (() => void) | null = null;

/**
 * Collects the JavaScript heap of this thread at once (some 30 ms), where it is to be kept small: after work that
 * left much behind, which V8 would keep until the heap has grown by a third.
 */
export function collectGarbage(): void {
  if (!isKeptSmall) return;
  if (collect === null) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
}

/** A thread whose heap V8 sets up with the process's flags put back, of which it raises the first. */
export function startThread(entry: string, options: WorkerOptions): Worker {
  const worker = new Worker(entry, options);
  worker.once('online', () => {
    if (isKeptSmall) keepHeapSmall();
  });
  return worker;
}

import { variableOf } from '../encryption/engine-configuration.ts';
import type { StoredKey } from '../encryption/key-store.ts';

/**
 * Runs a task with the keys in the process's environment, where alone the engine takes them from without a
 * copy on a disk. They stand there while the engine is opened and no longer: the task is synchronous, so that
 * no process is started meanwhile, and what is set by a running process is not in /proc/…/environ.
 */
export function withKeysInEnvironment<T>(keys: readonly StoredKey[], task: () => T): T {
  for (const key of keys) process.env[variableOf(key)] = key.secret.toString('hex');
  try {
    return task();
  } finally {
    for (const key of keys) delete process.env[variableOf(key)];
  }
}

import { variableOf } from '../encryption/engine-configuration.ts';
import type { StoredKey } from '../encryption/key-store.ts';

/* What the engine is told by the process's environment, and how long it stands there. */

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

const allocator = 'JE_MALLOC_CONF';
const decayMs = 500;

/**
 * Loads the engine so that its allocator (jemalloc) gives memory that was freed back within half a
 * second: by itself it takes five, in which a large disclosure piles up some 50 MB. It looks once, when it is
 * loaded; an operator's own setting stays.
 */
export async function withQuickDecay<T>(load: () => Promise<T>): Promise<T> {
  if (process.env[allocator] !== undefined) return load();
  process.env[allocator] = `dirty_decay_ms:${decayMs}`;
  try {
    return await load();
  } finally {
    delete process.env[allocator];
  }
}

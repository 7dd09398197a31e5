import type { DiskKey } from './encryption/key-store.ts';

export type { DiskKey };

/** A key, and what is under it. */
export interface DiskKeyUse extends DiskKey {
  /** Whether new files are written under it. */
  readonly current: boolean;
  /** Files of days of traffic that need it. */
  readonly files: number;
  /** First and last of these days, `2026-05-22`; null where there is none. */
  readonly firstDay: string | null;
  readonly lastDay: string | null;
  /** Nothing needs it but small files that can be written anew: it may be destroyed. */
  readonly free: boolean;
}

export interface DiskKeysLook {
  /** The oldest first. */
  readonly keys: readonly DiskKeyUse[];
  /** All files that were looked at. */
  readonly files: number;
}

/**
 * The keys of an encrypted disk. What is under which key is read from the files themselves, each of which
 * says in its header which key it needs.
 */
export interface DiskKeys {
  /** The oldest first; the last one is the one to write under. Asks the key store alone. */
  list(): Promise<DiskKey[]>;
  look(): Promise<DiskKeysLook>;
  /** Makes a key, durable once resolved; written under from the next `change` or opening on. */
  create(now: number): Promise<DiskKey>;
  /**
   * Has the engine write under the last key from now on, and destroys keys: each of them only where no file
   * needs it, which is looked at while nothing writes.
   * @returns ids of the keys that were destroyed, or null where it cannot be done now: data are being read
   */
  change(
    destroy: readonly number[],
  ): Promise<{ readonly destroyed: readonly number[]; readonly files: number } | null>;
}

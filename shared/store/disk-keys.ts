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
  /** Digests of all keys that files need, also of those that are not in the key store. */
  readonly needed: ReadonlySet<string>;
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
  /**
   * Has new files written under a new key from `now` on, and destroys keys: each of them only where no file
   * needs it, which is looked at once more while nothing writes.
   * @returns what was done, durably; null where nothing can be done now, because data are being read
   */
  change(change: DiskKeyChange): Promise<DiskKeysChanged | null>;
}

export interface DiskKeyChange {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly create: boolean;
  /** Ids of keys to destroy. */
  readonly destroy: readonly number[];
}

export interface DiskKeysChanged {
  readonly created: DiskKey | null;
  /** Ids of those that were destroyed. */
  readonly destroyed: readonly number[];
  /** Files that were looked at for that. */
  readonly files: number;
}

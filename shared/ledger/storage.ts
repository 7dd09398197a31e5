/*
 * The port to where a ledger is kept. Adapters are in `shared/ledger-storage`; one contract suite
 * (test/contract/ledger) runs against every adapter.
 *
 * Public files, which outsiders may read, have the paths of C2SP tlog-tiles: `checkpoint`,
 * `tile/<L>/<N>[.p/<W>]`, `tile/entries/<N>[.p/<W>]`; of ours are `rotation/<n>` and `timestamps/<day>[.tsr]`. Beside them storage keeps one private value, the
 * committed head: what the log itself goes by after a crash.
 */

import { isRotationPath } from './key-rotation.ts';
import { parseTilePath } from './tile-path.ts';
import { isTimestampPath } from './timestamp-path.ts';

/** Path of the latest published checkpoint. */
export const checkpointPath = 'checkpoint';

/**
 * Name, beside `checkpoint`, of the latest checkpoint that enough witnesses cosigned. It is a note of its
 * own because the log does not wait for witnesses; the tiles serve for both.
 */
export const witnessedPath = 'witnessed';

/** Whether a path is one of a ledger's public files. */
export const isLedgerPath = (path: string): boolean =>
  path === checkpointPath || parseTilePath(path) !== null || isRotationPath(path) || isTimestampPath(path);

/** Reads public files; an auditor's copy of the folder or a web server's will do. */
export interface LedgerReader {
  /**
   * @returns the whole file, or undefined where there is none.
   * @throws LedgerError `ledger.bad_path` for a path that is none of a ledger's.
   */
  read(path: string): Promise<Uint8Array | undefined>;
}

export interface LedgerFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

export interface LedgerLock {
  /** Whether nobody took the lock away; asked before every commit. */
  isHeld(): Promise<boolean>;
  release(): Promise<void>;
}

/** What one writer needs. "Durable" means: still there after a loss of power, the folder entries too. */
export interface LedgerStorage extends LedgerReader {
  /**
   * Makes this process the one writer. A lock whose process is dead is taken over.
   * @throws LedgerError `ledger.locked` where its process lives.
   */
  lock(): Promise<LedgerLock>;
  /**
   * Writes public files but the checkpoint; durable, all of them, when it resolves. A reader finds a file whole or not
   * at all. Files left there by a commit that never came about are replaced.
   */
  stage(files: readonly LedgerFile[]): Promise<void>;
  /** The committed head, or undefined in an empty storage. */
  readCommitted(): Promise<Uint8Array | undefined>;
  /**
   * Replaces the committed head at once and durably.
   * @returns false, with nothing changed, where the head is not `expected`.
   */
  swapCommitted(expected: Uint8Array | undefined, next: Uint8Array): Promise<boolean>;
  /** Replaces `checkpoint` at once and durably. */
  publish(checkpoint: Uint8Array): Promise<void>;
  /** Widths of the partial tiles that are there for a full tile's path, in no order. */
  partialWidths(fullTilePath: string): Promise<number[]>;
  /** Removes files; those that are not there are no error. */
  remove(paths: readonly string[]): Promise<void>;
}

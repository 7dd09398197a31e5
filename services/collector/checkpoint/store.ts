import { readdirSync } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makePrivateFolder, privateModes, syncFolder } from '#shared/runtime';
import { CheckpointError, damaged } from './errors.ts';
import { encodeFrame, magic, readFrames } from './frames.ts';

/*
 * Position and correlation state of one source, together: what one commit says is there whole after any
 * crash, or not at all.
 *
 * The folder holds `<n>.log`, to which each commit appends one frame (the header in full, the state's
 * changes) and fdatasyncs it, and for n > 0 `<n>.snapshot`, the whole state as of the log's beginning.
 * When the log has outgrown the snapshot, both are folded into snapshot n+1. Order of writes: temporary
 * file, fsync, rename, fsync of the folder, then the new log, then the old pair is removed. The highest
 * snapshot is therefore always whole, and its log may be missing (nothing was committed since).
 */

/** Correlation state: `null` deletes a key. */
export type Change = readonly [key: string, value: string | null];

interface Frame {
  readonly header?: unknown;
  readonly changes: readonly Change[];
}

export interface CheckpointStore {
  /** What the last commit gave; undefined where there was none. JSON. */
  readonly header: unknown;
  /**
   * The state, streamed from disk, so that nobody holds it twice. In no particular order; to be read to
   * its end before the next commit.
   * @param prefix only keys that begin with it, which is taken off.
   */
  entries(prefix: string): Iterable<readonly [key: string, value: string]>;
  /** Durable when it resolves. One at a time. After a failure the store must be opened again. */
  commit(header: unknown, changes: Iterable<Change>): Promise<void>;
  close(): Promise<void>;
}

export interface CheckpointOptions {
  /** The log is folded into a snapshot when it is longer than this and than half the snapshot. */
  readonly compactAtBytes?: number;
}

const defaultCompactAtBytes = 8 * 1024 * 1024;
/** Entries of a snapshot are written in frames of about this size. */
const snapshotFrameBytes = 256 * 1024;

/**
 * Opens or makes a source's checkpoint. The caller sees to it that one process has the folder.
 * @throws CheckpointError `CHECKPOINT_DAMAGED` where something other than the last, torn write is broken.
 */
export async function openCheckpointStore(
  folder: string,
  options: CheckpointOptions = {},
): Promise<CheckpointStore> {
  await makePrivateFolder(folder);
  const store = new DiskCheckpointStore(folder, options.compactAtBytes ?? defaultCompactAtBytes);
  await store.open();
  return store;
}

class DiskCheckpointStore implements CheckpointStore {
  readonly #folder: string;
  readonly #compactAtBytes: number;
  #epoch = 0;
  #log: FileHandle | undefined;
  #logBytes = 0;
  #snapshotBytes = 0;
  header: unknown;

  constructor(folder: string, compactAtBytes: number) {
    this.#folder = folder;
    this.#compactAtBytes = compactAtBytes;
  }

  async open(): Promise<void> {
    const names = readdirSync(this.#folder);
    const epochs = (suffix: string) =>
      names.flatMap((name) => (name.endsWith(suffix) ? [Number.parseInt(name, 10)] : []));
    this.#epoch = Math.max(0, ...epochs('.snapshot'));
    if (epochs('.log').some((epoch) => epoch > this.#epoch)) {
      throw damaged(this.#folder, 'a log is there whose snapshot is missing');
    }
    if (this.#epoch > 0) this.#scanSnapshot();
    await this.#openLog(names.includes(`${this.#epoch}.log`));
    const current = new Set([`${this.#epoch}.snapshot`, `${this.#epoch}.log`]);
    for (const name of names) {
      if (!current.has(name) && /^\d+\.(snapshot|log|tmp)$/.test(name)) await rm(join(this.#folder, name));
    }
  }

  entries(prefix: string): Iterable<readonly [string, string]> {
    return this.#entries(prefix);
  }

  async commit(header: unknown, changes: Iterable<Change>): Promise<void> {
    const log = this.#log;
    if (log === undefined) throw new CheckpointError('CHECKPOINT_CLOSED', 'the checkpoint is not open');
    // Latched until the write is known to be whole: a failed one is cut off when the store is opened again.
    this.#log = undefined;
    try {
      const frame = encodeFrame(Buffer.from(JSON.stringify({ header, changes: [...new Map(changes)] })));
      await writeFully(log, frame, this.#logBytes);
      await log.datasync();
      this.#logBytes += frame.length;
      this.header = header;
    } catch (error) {
      await log.close();
      throw error;
    }
    this.#log = log;
    if (this.#logBytes > Math.max(this.#compactAtBytes, this.#snapshotBytes / 2)) await this.#compact();
  }

  async close(): Promise<void> {
    const log = this.#log;
    this.#log = undefined;
    await log?.close();
  }

  #path(kind: 'snapshot' | 'log' | 'tmp', epoch = this.#epoch): string {
    return join(this.#folder, `${epoch}.${kind}`);
  }

  #scanSnapshot(): void {
    const path = this.#path('snapshot');
    const scan = { validBytes: 0 };
    let last: Frame | undefined;
    for (const payload of readFrames(path, false, scan)) last = decode(path, payload);
    // The header is written last: a snapshot without one was cut at a frame's end.
    if (last?.header === undefined) throw damaged(path, 'its end is missing');
    this.header = last.header;
    this.#snapshotBytes = scan.validBytes;
  }

  async #openLog(exists: boolean): Promise<void> {
    const path = this.#path('log');
    const scan = { validBytes: 0 };
    if (exists) {
      let last: Buffer | undefined;
      for (const payload of readFrames(path, true, scan)) last = payload;
      if (last !== undefined) this.header = decode(path, last).header;
    }
    const log = await open(path, exists ? 'r+' : 'wx+', privateModes.file);
    try {
      await log.truncate(scan.validBytes);
      if (scan.validBytes === 0) await writeFully(log, magic, 0);
      await log.sync();
      if (!exists) await syncFolder(this.#folder);
    } catch (error) {
      await log.close();
      throw error;
    }
    this.#log = log;
    this.#logBytes = Math.max(scan.validBytes, magic.length);
  }

  /** The fold of snapshot and log. Keys of the log are held in memory, values are not. */
  *#entries(prefix: string): Generator<readonly [string, string]> {
    const lastTouch = new Map<string, number>();
    const logFrames = () => readFrames(this.#path('log'), true, { validBytes: 0 });
    let sequence = 0;
    for (const payload of logFrames()) {
      for (const [key] of decode(this.#path('log'), payload).changes) lastTouch.set(key, sequence);
      sequence++;
    }
    if (this.#epoch > 0) {
      const path = this.#path('snapshot');
      for (const payload of readFrames(path, false, { validBytes: 0 })) {
        for (const [key, value] of decode(path, payload).changes) {
          if (value !== null && key.startsWith(prefix) && !lastTouch.has(key)) {
            yield [key.slice(prefix.length), value];
          }
        }
      }
    }
    sequence = 0;
    for (const payload of logFrames()) {
      const changes = decode(this.#path('log'), payload).changes;
      for (const [key, value] of changes) {
        if (value !== null && key.startsWith(prefix) && lastTouch.get(key) === sequence) {
          yield [key.slice(prefix.length), value];
        }
      }
      sequence++;
    }
  }

  async #compact(): Promise<void> {
    const old = { log: this.#log, epoch: this.#epoch };
    this.#log = undefined;
    await old.log?.close();
    const next = this.#epoch + 1;
    const temporary = this.#path('tmp', next);
    this.#snapshotBytes = await this.#writeSnapshot(temporary);
    await rename(temporary, this.#path('snapshot', next));
    await syncFolder(this.#folder);
    this.#epoch = next;
    await this.#openLog(false);
    await rm(this.#path('log', old.epoch));
    await rm(this.#path('snapshot', old.epoch), { force: true });
  }

  async #writeSnapshot(path: string): Promise<number> {
    const file = await open(path, 'w', privateModes.file);
    try {
      let at = await writeFully(file, magic, 0);
      let pending: Change[] = [];
      let pendingBytes = 0;
      const flush = async (frame: Frame): Promise<void> => {
        at += await writeFully(file, encodeFrame(Buffer.from(JSON.stringify(frame))), at);
        pending = [];
        pendingBytes = 0;
      };
      for (const [key, value] of this.#entries('')) {
        pending.push([key, value]);
        pendingBytes += key.length + value.length;
        if (pendingBytes > snapshotFrameBytes) await flush({ changes: pending });
      }
      await flush({ changes: pending, header: this.header });
      await file.sync();
      return at;
    } finally {
      await file.close();
    }
  }
}

async function writeFully(file: FileHandle, bytes: Buffer, position: number): Promise<number> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
  return bytes.length;
}

/** The sums have matched, so that these are the bytes that were written; the shape is checked all the same. */
function decode(path: string, payload: Buffer): Frame {
  const frame: unknown = JSON.parse(payload.toString('utf8'));
  const ok =
    typeof frame === 'object' && frame !== null && 'changes' in frame && Array.isArray(frame.changes);
  if (!ok) throw damaged(path, 'a frame of unknown shape');
  return frame as Frame;
}

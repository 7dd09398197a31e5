import { dirname, join } from 'node:path';
import {
  checkpointPath,
  isLedgerPath,
  LedgerError,
  type LedgerLock,
  type LedgerReader,
  type LedgerStorage,
  parseTilePath,
} from '#shared/ledger';
import { type Disk, nodeDisk } from './disk.ts';
import { lockFolder } from './socket-lock.ts';

/*
 * A ledger in a folder, laid out as C2SP tlog-tiles names its resources: the folder (or a copy of it) can
 * be served as it is, and checked with any tool that reads tiles.
 *
 *   checkpoint            latest published checkpoint
 *   tile/…                hash tiles and entry bundles
 *   rotation/<n>          receipts of the changes of the log's key
 *   timestamps/           a checkpoint a day with an authority's time stamp
 *   committed             the log's own head; see `commit.ts` of shared/ledger
 *   staging/              files on their way; emptied at each start
 *   lock                  the writer's socket
 *
 * A file is written under `staging`, synced, renamed to its place, and its folder synced.
 */

const committedName = 'committed';
const stagingName = 'staging';

/** A full bundle of 256 entries of the greatest length; every other file is shorter. */
const maxFileBytes = 256 * (2 + 65_535);

/** Reads a ledger's public files without locking it. @param folder absolute. */
export function readTileDirectory(folder: string, disk: Disk = nodeDisk): LedgerReader {
  return {
    read: async (path) => {
      if (!isLedgerPath(path)) {
        throw new LedgerError('ledger.bad_path', 'This is no path of a ledger.');
      }
      return disk.read(join(folder, path), maxFileBytes);
    },
  };
}

/**
 * A tile directory for one writer.
 * @param folder absolute; made by `lock` where it is not there, its parent must be.
 */
export function createTileDirectory(
  folder: string,
  disk: Disk = nodeDisk,
  lock: (folder: string) => Promise<LedgerLock> = lockFolder,
): LedgerStorage {
  /** Folders whose own names this process has made durable. */
  const durableFolders = new Set<string>();

  async function makeDurableFolder(path: string): Promise<void> {
    if (durableFolders.has(path)) return;
    if (path !== folder) await makeDurableFolder(dirname(path));
    await disk.makeFolder(path);
    // Also where it was there: a process that died may have made it, and not synced its parent.
    await disk.syncFolder(dirname(path));
    durableFolders.add(path);
  }

  /** @param name unlike that of any other file on its way; what a failed write left there is replaced. */
  async function writeStaged(name: string, bytes: Uint8Array): Promise<string> {
    const path = join(folder, stagingName, name);
    await disk.writeSynced(path, bytes);
    return path;
  }

  async function clearStaging(): Promise<void> {
    const names = await disk.list(join(folder, stagingName));
    for (const name of names) await disk.remove(join(folder, stagingName, name));
  }

  async function replace(name: string, bytes: Uint8Array): Promise<void> {
    await disk.rename(await writeStaged(name, bytes), join(folder, name));
    await disk.syncFolder(folder);
  }

  const readCommitted = () => disk.read(join(folder, committedName), maxFileBytes);

  return {
    ...readTileDirectory(folder, disk),
    readCommitted,
    lock: async () => {
      await makeDurableFolder(folder);
      const held = await lock(folder);
      try {
        await makeDurableFolder(join(folder, stagingName));
        await clearStaging();
      } catch (error) {
        await held.release();
        throw error;
      }
      return held;
    },
    stage: async (files) => {
      const places = files.map(({ path, bytes }) => ({ place: join(folder, path), bytes }));
      const folders = new Set(places.map(({ place }) => dirname(place)));
      for (const path of folders) await makeDurableFolder(path);
      const staged = await settleAll(
        places.map(async ({ place, bytes }, i) => ({ place, from: await writeStaged(String(i), bytes) })),
      );
      for (const { from, place } of staged) await disk.rename(from, place);
      await settleAll([...folders].map((path) => disk.syncFolder(path)));
    },
    swapCommitted: async (expected, next) => {
      const current = await readCommitted();
      const same =
        current === undefined || expected === undefined
          ? current === expected
          : Buffer.compare(current, expected) === 0;
      if (!same) return false;
      await replace(committedName, next);
      return true;
    },
    publish: (checkpoint) => replace(checkpointPath, checkpoint),
    partialWidths: async (fullTilePath) => {
      const names = await disk.list(`${join(folder, fullTilePath)}.p`);
      return names.filter((name) => parseTilePath(`${fullTilePath}.p/${name}`) !== null).map(Number);
    },
    remove: async (paths) => {
      const partialFolders = new Set<string>();
      for (const path of paths) {
        const place = join(folder, path);
        await disk.remove(place);
        if (dirname(place).endsWith('.p')) partialFolders.add(dirname(place));
      }
      for (const path of partialFolders) {
        if ((await disk.list(path)).length > 0) continue;
        durableFolders.delete(path);
        await disk.remove(path);
      }
    },
  };
}

/** Waits for all, also where one fails: nothing goes on in the background after the caller was told. */
async function settleAll<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const failed = (await Promise.allSettled(work)).find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
  return Promise.all(work);
}

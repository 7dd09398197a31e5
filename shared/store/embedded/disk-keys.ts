import { setTimeout as sleep } from 'node:timers/promises';
import type { DiskKeyChange, DiskKeys, DiskKeysChanged } from '../disk-keys.ts';
import type { DiskLook } from '../encryption/disk-look.ts';
import { nameOf } from '../encryption/key-store.ts';
import { rewriteOthers } from '../encryption/rewrite.ts';
import { usesOf } from '../encryption/uses.ts';
import type { EncryptedDisk } from './encrypted-disk.ts';

/** How often a moment is looked for in which nothing is read. */
const patience = { tries: 3, everyMs: 1000 } as const;

/**
 * The keys of an embedded engine. It reads its configuration when it is opened and at no other time (SYSTEM
 * RELOAD CONFIG is not for it), so that a change of keys closes it for a moment: inserts wait, and nothing is
 * cut off.
 * @param whileClosed runs a task while the engine is closed and nothing writes; null where data are being read
 */
export function createDiskKeys(
  disk: EncryptedDisk,
  whileClosed: <T>(task: () => Promise<T>) => Promise<T | null>,
): DiskKeys {
  const { keys, folder } = disk;

  async function changeNow(
    { now, create, destroy }: DiskKeyChange,
    before: DiskLook,
  ): Promise<DiskKeysChanged> {
    const created = create ? nameOf(await keys.create(now)) : null;
    const list = await keys.list();
    await rewriteOthers(folder, before, list);
    if (destroy.length === 0) return { created, destroyed: [], files: 0 };
    const { uses, strange, files } = await disk.look();
    const destroyed: number[] = [];
    for (const { id, fingerprint } of list.slice(0, -1)) {
      // A file that says nothing of its key may need any of them.
      if (!destroy.includes(id) || strange > 0 || uses.has(fingerprint)) continue;
      await keys.erase(id);
      destroyed.push(id);
    }
    return { created, destroyed, files };
  }

  return {
    list: async () => (await keys.list()).map(nameOf),
    look: async () => usesOf(await keys.list(), await disk.look(), folder),

    async change(change) {
      const before = await disk.look();
      for (let tries = 0; tries < patience.tries; tries++) {
        const done = await whileClosed(() => changeNow(change, before));
        if (done !== null) return done;
        await sleep(patience.everyMs);
      }
      return null;
    },
  };
}

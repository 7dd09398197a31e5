import { setTimeout as sleep } from 'node:timers/promises';
import type { DiskKey, DiskKeys, DiskKeysChanged } from '../disk-keys.ts';
import type { StoredKey } from '../encryption/key-store.ts';
import { rewriteUnder } from '../encryption/rewrite.ts';
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

  async function destroyFree(ids: readonly number[]): Promise<{ destroyed: number[]; files: number }> {
    const destroyed: number[] = [];
    if (ids.length === 0) return { destroyed, files: 0 };
    const list = await keys.list();
    const to = list.at(-1);
    let look = await disk.look();
    for (const { id, free, fingerprint } of (await usesOf(list, look, folder)).keys) {
      const from = list.find((key) => key.id === id);
      if (!ids.includes(id) || !free || from === undefined || to === undefined) continue;
      await rewriteUnder(folder, look.uses.get(fingerprint)?.others ?? [], { from, to });
    }
    look = await disk.look();
    for (const { id, fingerprint } of list) {
      if (!ids.includes(id) || id === to?.id || look.strange > 0 || look.uses.has(fingerprint)) continue;
      await keys.erase(id);
      destroyed.push(id);
    }
    return { destroyed, files: look.files };
  }

  return {
    list: async () => (await keys.list()).map(nameOf),
    look: async () => usesOf(await keys.list(), await disk.look(), folder),

    async change({ now, create, destroy }) {
      for (let tries = 0; tries < patience.tries; tries++) {
        const done = await whileClosed(async (): Promise<DiskKeysChanged> => {
          const created = create ? nameOf(await keys.create(now)) : null;
          return { created, ...(await destroyFree(destroy)) };
        });
        if (done !== null) return done;
        await sleep(patience.everyMs);
      }
      return null;
    },
  };
}

/** What others may know of a key. */
const nameOf = ({ secret: _, ...key }: StoredKey): DiskKey => key;

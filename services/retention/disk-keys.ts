import { diskOfKey } from '#shared/control';
import type { RetentionRecord, RetentionView } from '#shared/retention';
import type { Logger } from '#shared/runtime';
import { type DiskKey, type DiskKeys, type DiskKeysLook, dayOf } from '#shared/store';

/*
 * The keys under which data lie on the disk: a new one each period, and an old one destroyed once no file
 * needs it, with all copies of what was under it. What is under which key is read from the files.
 *
 *   1. `disk_key.retired` is durable: no file needs the key
 *   2. the key is destroyed, after the files were looked at once more while nothing wrote
 *   3. `disk_key.destroyed`
 *
 * Killed after 1, the key is there, and is destroyed by the next look; killed after 2, it is gone, and the
 * next look says so. A key that data are written under is made before its entry: killed in between, the next
 * look records it. Nothing is kept in memory that a restart would have to know.
 */

/** What is under a key is looked at this often, and after every removal of days; it reads every file's header. */
const lookEveryMs = 3_600_000;
const dayMs = 86_400_000;

export interface DiskKeyStatus {
  readonly id: number;
  /** SHA-256 of its fingerprint, hex: as in the ledger. */
  readonly digest: string;
  readonly createdAt: string;
  readonly current: boolean;
  /** Files of days that need it, and the first and last of these days. */
  readonly files: number;
  readonly firstDay: string | null;
  readonly lastDay: string | null;
}

export interface KeyKeeping {
  /** Looks after the keys. @param now by a clock that is believed */
  tend(view: RetentionView, now: number): Promise<void>;
  status(): readonly DiskKeyStatus[];
}

/**
 * @param options.days how many days are written under one key
 * @param options.disk number of the disk: the ledger has the keys of all hosts
 */
export function createKeyKeeping(options: {
  readonly diskKeys: DiskKeys;
  readonly disk: number;
  readonly days: number;
  readonly record: RetentionRecord;
  /** Writes under the new key what would keep the old one for longer than its days: what orders hold. */
  readonly rewriteHeld: () => Promise<void>;
  readonly logger: Logger;
}): KeyKeeping {
  const { diskKeys, disk, days, record, rewriteHeld, logger } = options;
  let last: {
    readonly look: DiskKeysLook;
    readonly at: number;
    readonly certificate: string | undefined;
  } | null = null;

  /** Whether what the last look found free was tried to destroy: each change closes the engine for a moment. */
  let tried = false;

  const recorded = ({ diskKeys: all }: RetentionView): Recorded[] =>
    all.filter(({ keyId }) => diskOfKey(keyId) === disk);

  /** Entries for keys that data may be under already. */
  async function recordNew(view: RetentionView, there: readonly DiskKey[]): Promise<RetentionView> {
    const latest = recorded(view).at(-1)?.keyId ?? 0;
    const fresh = there.filter(({ id }) => id > latest);
    const known = new Set(recorded(view).map(({ keyId }) => keyId));
    if (there.some(({ id }) => id <= latest && !known.has(id))) {
      // Destroyed once, and brought back; or made under a clock that was set back.
      logger.warn({ code: 'disk_key.unrecorded' }, 'the key store has a key that the ledger does not know');
    }
    for (const key of fresh) await record.append({ kind: 'disk_key.created', details: detailsOf(key) });
    return fresh.length === 0 ? view : record.view();
  }

  /**
   * Entries for keys that are gone, destroyed before a crash or by another hand. Of one that files need still,
   * which the engine has in memory until it is opened anew, nothing is certified.
   */
  async function recordGone(view: RetentionView, there: readonly DiskKey[]): Promise<RetentionView> {
    const gone = recorded(view).filter(
      ({ keyId, usedUntil }) => usedUntil !== null && there.every(({ id }) => id !== keyId),
    );
    if (gone.length === 0) return view;
    // Twice, because the engine moves files while it is looked.
    const [{ needed }, again] = [await diskKeys.look(), await diskKeys.look()];
    for (const { keyId, fingerprintSha256 } of gone) {
      if (needed.has(fingerprintSha256) || again.needed.has(fingerprintSha256)) {
        logger.error(
          { code: 'disk_key.missing' },
          'files need a key of the disk that is not in the key store',
        );
        continue;
      }
      await retire(view, keyId, again.files);
      await recordDestruction(view, keyId, again.files, 'found_gone');
    }
    return record.view();
  }

  async function lookIfDue(view: RetentionView, now: number): Promise<DiskKeysLook> {
    const certificate = view.lastCertificate?.id;
    const isFresh =
      last !== null && now >= last.at && now - last.at < lookEveryMs && last.certificate === certificate;
    if (last === null || !isFresh) {
      last = { look: await diskKeys.look(), at: now, certificate };
      tried = false;
    }
    return last.look;
  }

  async function retire(view: RetentionView, id: number, filesChecked: number): Promise<void> {
    const key = view.diskKeys.find(({ keyId }) => keyId === id);
    if (key === undefined || key.retired || key.usedUntil === null) return;
    await record.append({ kind: 'disk_key.retired', details: { ...coveredBy(key), filesChecked } });
  }

  async function recordDestruction(
    view: RetentionView,
    id: number,
    filesChecked: number,
    how: 'erased' | 'found_gone',
  ): Promise<void> {
    const key = view.diskKeys.find(({ keyId }) => keyId === id);
    // Destroyed once before, and brought back from a backup of the keys: the ledger has said it.
    if (key === undefined) return;
    const { now: destroyedAt } = await record.view();
    await record.append({
      kind: 'disk_key.destroyed',
      details: { ...coveredBy(key), filesChecked, destroyedAt, how },
    });
    logger.info({ count: filesChecked }, 'a key of the disk that no file needs was destroyed');
  }

  return {
    async tend(before, now) {
      const there = await diskKeys.list();
      const view = await recordGone(await recordNew(before, there), there);
      const { keys, files } = await lookIfDue(view, now);
      const current = there.at(-1);
      const create = current !== undefined && isOver(current, now, days);
      const isThere = (id: number): boolean => there.some((key) => key.id === id);
      const free = tried ? [] : keys.filter((key) => key.free && isThere(key.id)).map(({ id }) => id);
      if (!create && free.length === 0) return;
      for (const id of free) await retire(view, id, files);
      // The ledger's clock may be another one, and takes no key of its future.
      const at = Math.min(now, Date.parse(view.now));
      const changed = await diskKeys.change({ now: at, create, destroy: free });
      if (changed === null) {
        logger.warn({}, 'keys of the disk could not be changed while data are read; it is tried again');
        return;
      }
      for (const id of changed.destroyed) await recordDestruction(view, id, changed.files, 'erased');
      if (changed.created !== null) {
        await record.append({ kind: 'disk_key.created', details: detailsOf(changed.created) });
        logger.info({}, 'new files are written under a new key of the disk');
        await rewriteHeld();
      }
      last = null;
      await lookIfDue(await record.view(), now);
      tried = true;
    },

    status: () =>
      (last?.look.keys ?? []).map(({ id, digest, createdAt, current, files, firstDay, lastDay }) => ({
        id,
        digest,
        createdAt,
        current,
        files,
        firstDay,
        lastDay,
      })),
  };
}

const detailsOf = ({ id, digest, createdAt }: DiskKey) => ({
  keyId: id,
  fingerprintSha256: digest,
  createdAt,
});

type Recorded = RetentionView['diskKeys'][number];

const coveredBy = ({ keyId, fingerprintSha256, createdAt, usedUntil }: Recorded) => ({
  keyId,
  fingerprintSha256,
  from: createdAt.slice(0, 10),
  to: (usedUntil ?? createdAt).slice(0, 10),
});

/** Keys change at midnight (UTC), so that as good as every day is written under one. */
function isOver({ createdAt }: DiskKey, now: number, days: number): boolean {
  const startOf = (day: string): number => Date.parse(`${day}T00:00:00.000Z`);
  return startOf(dayOf(now)) - startOf(createdAt.slice(0, 10)) >= days * dayMs;
}

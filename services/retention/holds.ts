import type { HoldScope, HoldTask, RetentionRecord, RetentionView } from '#shared/retention';
import { codeOf, type Logger, utc } from '#shared/runtime';
import type { CopyPart, HeldAmount, HeldTraffic } from '#shared/store';
import type { Look } from './place.ts';

/*
 * Holds of orders: what they keep is copied, before it goes and as it comes, and removed when they are over.
 *
 * Before days are removed (`retention.ts`), everything in them that a hold in force keeps is copied, once more
 * and without the help of the index; the entry that begins the removal names these holds, and the ledger takes
 * it only where they are all that are in force then. Where one cannot be copied, no day is removed: what is past
 * its time can be read by nobody all the while, and what an order keeps could not be brought back. After a day
 * it is an alarm, as is all that is there past its time.
 *
 * The end of a hold, and what a crash leaves at each step:
 *
 *   1. it is over by the rules, which follow from the ledger alone: from that instant nobody can read it
 *   2. `hold.ended` is durable: why, and what there is of it by the engine's system tables
 *   3. its partition is dropped, with detached parts
 *   4. the system tables are asked again, and have nothing of it: `hold.deleted`
 *
 * Nothing is kept in memory that a restart would have to know: it copies everything again, of which what is
 * there already is left out, and goes on with the end of a hold by what the ledger and the tables say.
 */

/** What comes is copied this often; it cannot expire for months, and is looked for again before it does. */
const copyEveryMs = 3_600_000;
/** Collectors' clocks differ, and what was collected is inserted later. */
const overlapMs = 2 * 3_600_000;
const dayMs = 86_400_000;
/** How long something of a hold may be there after its end. */
const graceMs = dayMs;

export interface HoldStatus {
  readonly orderId: string;
  readonly since: string;
  readonly until: string;
  readonly over: string | null;
  /** Rows and bytes that are there, by the engine's system tables. */
  readonly records: number;
  readonly bytes: number;
  /** When all was last copied; null before, and after a restart. */
  readonly copiedAt: string | null;
  /** Code of the fault for which the last copy came to nothing. */
  readonly fault: string | null;
}

export interface HoldKeeping {
  /** Copies what is due. A hold that cannot be copied does not keep the others from it. */
  keep(view: RetentionView, now: number, expiredDays: readonly string[]): Promise<void>;
  /**
   * Copies what holds keep of these days.
   * @returns the orders of all holds in force; null where one of them could not be copied
   */
  keepDays(days: readonly string[]): Promise<string[] | null>;
  /** Removes what is over. @param now by a clock that is believed */
  end(now: number): Promise<void>;
  /** What is there of no hold, or past the end of its own for a day. */
  look(now: number): Promise<Look>;
  status(): readonly HoldStatus[];
}

/** What this process has copied of a hold. */
interface Copied {
  readonly scope: HoldScope;
  readonly until: string;
  /** When the last copy began; null before the first was whole. */
  readonly at: number | null;
}

export function createHoldKeeping({
  held,
  record,
  logger,
}: {
  readonly held: HeldTraffic;
  readonly record: RetentionRecord;
  readonly logger: Logger;
}): HoldKeeping {
  let tasks: readonly HoldTask[] = [];
  let amounts: readonly HeldAmount[] = [];
  const copies = new Map<string, Copied>();
  const faults = new Map<string, string>();
  /** When each was first seen to be over. */
  const overSince = new Map<string, number>();

  /** What the hold keeps; asked for again where its order or its end has changed. */
  async function scopeOf({ orderId, version, until }: HoldTask): Promise<Copied | null> {
    const known = copies.get(orderId);
    if (known?.scope.version === version && known.until === until) return known;
    const scope = await record.holdScope(orderId);
    if (scope === null) return null;
    const fresh = { scope, until, at: null };
    copies.set(orderId, fresh);
    return fresh;
  }

  async function copy(task: HoldTask, scope: HoldScope, part: CopyPart): Promise<void> {
    const { orderId, since } = task;
    await held.copy({ orderId, since: Date.parse(since) }, scope.scope, part);
  }

  async function copyDue(task: HoldTask, now: number, expiredDays: readonly string[]): Promise<void> {
    const known = await scopeOf(task);
    if (known === null) return;
    const { scope, at } = known;
    if (at === null) {
      await copy(task, scope, { byIndex: true });
      // The index says nothing of days that are wholly past their time.
      const collected = rangeOf(expiredDays);
      if (collected !== null) await copy(task, scope, { collected, byIndex: false });
    } else {
      const from = at - overlapMs;
      if (now - at < copyEveryMs || Date.parse(scope.scope.collectedUpTo) < from) return;
      await copy(task, scope, { collected: { from, to: now + overlapMs }, byIndex: true });
    }
    copies.set(task.orderId, { ...known, at: now });
    if (task.copied) return;
    amounts = await held.list();
    const { records } = amountOf(task.orderId);
    await record.append({ kind: 'hold.copied', subject: task.orderId, details: { records } });
    logger.info({ orderId: task.orderId, count: records }, 'what an order keeps is copied');
  }

  const amountOf = (orderId: string): HeldAmount =>
    amounts.find((one) => one.orderId === orderId) ?? { orderId, records: 0, bytes: 0 };

  /** Tells a fault by its code. @returns whether there was none */
  async function attempt(orderId: string, run: () => Promise<void>): Promise<boolean> {
    try {
      await run();
      faults.delete(orderId);
      return true;
    } catch (error) {
      const code = codeOf(error);
      faults.set(orderId, code);
      logger.error({ orderId, code }, 'a hold could not be looked after; it is tried again');
      return false;
    }
  }

  const inForce = (): HoldTask[] => tasks.filter(({ over }) => over === null);

  async function refresh(view: RetentionView): Promise<void> {
    tasks = view.holds === 0 ? [] : await record.holds();
    const open = new Set(tasks.map(({ orderId }) => orderId));
    for (const map of [copies, faults, overSince])
      for (const orderId of map.keys()) if (!open.has(orderId)) map.delete(orderId);
  }

  /** The store's own bound, which its view has besides what each query is told. */
  async function setTimes(): Promise<void> {
    const known = new Map((await held.times()).map((times) => [times.orderId, times]));
    for (const { orderId, over, ...task } of tasks) {
      const since = Date.parse(task.since);
      const before = known.get(orderId);
      if (over === null) {
        const until = Date.parse(task.until);
        if (before?.until !== until) await held.setTimes({ orderId, since, until });
      } else if (before !== undefined && before.until > since) {
        // The engine's clock may be behind ours: an end that lies far back is over by any.
        await held.setTimes({ orderId, since, until: since });
      }
    }
  }

  async function remove(task: HoldTask, now: number): Promise<void> {
    const { orderId, over: reason } = task;
    if (reason === null || task.inUse) return;
    const { records, bytes } = task.ended ?? amountOf(orderId);
    const details = { records, bytes };
    if (task.ended === null) {
      await record.append({ kind: 'hold.ended', subject: orderId, details: { reason, ...details } });
    }
    await held.drop(orderId);
    amounts = await held.list();
    // Files of a dropped partition may be there for minutes; the certificate waits for them.
    if (amounts.some((one) => one.orderId === orderId)) return;
    await record.append({
      kind: 'hold.deleted',
      subject: orderId,
      details: { ...details, goneAt: utc(now) },
    });
    logger.info({ orderId, count: records }, 'what an order kept is gone');
  }

  return {
    async keep(view, now, expiredDays) {
      await refresh(view);
      if (tasks.length === 0) return;
      await setTimes();
      for (const task of inForce()) await attempt(task.orderId, () => copyDue(task, now, expiredDays));
      amounts = await held.list();
    },

    async keepDays(days) {
      const collected = rangeOf(days);
      for (const task of inForce()) {
        const isKept = await attempt(task.orderId, async () => {
          const known = await scopeOf(task);
          if (known !== null && collected !== null) {
            await copy(task, known.scope, { collected, byIndex: false });
          }
        });
        if (!isKept) return null;
      }
      return inForce().map(({ orderId }) => orderId);
    },

    async end(now) {
      for (const task of tasks) {
        if (task.over === null) continue;
        if (!overSince.has(task.orderId)) overSince.set(task.orderId, now);
        await attempt(task.orderId, () => remove(task, now));
      }
    },

    async look(now) {
      try {
        amounts = await held.list();
        const known = new Set(tasks.map(({ orderId }) => orderId));
        // Brought back with a copy of the data folder; or the ledger is another one, so that it is not removed.
        const strange = amounts.filter(({ orderId }) => orderId === null || !known.has(orderId));
        const late = amounts.filter(({ orderId }) => now - (overSince.get(orderId ?? '') ?? now) >= graceMs);
        const items = strange.length + late.length;
        return { ok: true, left: items === 0 ? null : { items } };
      } catch (error) {
        return { ok: false, reason: codeOf(error) };
      }
    },

    status: () =>
      tasks.map(({ orderId, since, until, over }) => {
        const { records, bytes } = amountOf(orderId);
        const at = copies.get(orderId)?.at ?? null;
        const copiedAt = at === null ? null : utc(at);
        return { orderId, since, until, over, records, bytes, copiedAt, fault: faults.get(orderId) ?? null };
      }),
  };
}

/** From the first to the last of these days (UTC), milliseconds since the epoch. */
function rangeOf(days: readonly string[]): { from: number; to: number } | null {
  const starts = days.map((day) => Date.parse(`${day}T00:00:00.000Z`));
  return starts.length === 0 ? null : { from: Math.min(...starts), to: Math.max(...starts) + dayMs - 1 };
}

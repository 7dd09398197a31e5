import { setTimeout as sleep } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import type { RemovedDay } from '#shared/control';
import {
  ClockGuard,
  planRun,
  type RetentionRecord,
  type RetentionView,
  type RunPlan,
} from '#shared/retention';
import { type Clock, codeOf, type Logger, Mutex, utc } from '#shared/runtime';
import {
  type DayHeld,
  type DiskKeys,
  dayOf,
  type HeldTraffic,
  isDayExpired,
  type Partitions,
  type RetentionPeriod,
  type SourceDays,
} from '#shared/store';
import { createKeyKeeping } from './disk-keys.ts';
import { createHoldKeeping } from './holds.ts';
import { alarmOf, overdueDays } from './overdue.ts';
import { daysOfPicture } from './picture.ts';
import { lookAround, type Place } from './place.ts';
import { createReconciliation } from './reconciliation.ts';
import { createRemoval, leftOf } from './removal.ts';
import { beforeFirstLook, certificateOf, type RetentionStatus } from './status.ts';
import type { DayFigures, DayRange } from './summed-days.ts';

export interface RetentionPolicy {
  readonly period: RetentionPeriod;
  /** The operator's own words about the law, at most 500 characters. Stands in the ledger. */
  readonly legalBasis: string;
}

export interface RetentionDeps {
  readonly partitions: Partitions;
  /** What orders hold. */
  readonly held: HeldTraffic;
  readonly record: RetentionRecord;
  readonly policy: RetentionPolicy;
  /**
   * Keys of the disk, where this service looks after them, and how many days are written under one. With a number
   * of the disk it does nothing else: another service removes and certifies.
   */
  readonly diskKeys?: { readonly keys: DiskKeys; readonly days: number; readonly disk?: number };
  /** Counts by source and day, where this service holds them against each other. */
  readonly sourceDays?: SourceDays;
  /** Looked at beside the tables. */
  readonly places: readonly Place[];
  readonly clock: Clock;
  /** Milliseconds by a clock that nobody sets. */
  readonly monotonic: () => number;
  readonly logger: Logger;
}

export interface Retention {
  /** Looks, removes what is past its time, and records it. One after the other; never rejects. */
  tick(): Promise<void>;
  /** Ticks now, at least every `everyMs`, and just after each midnight UTC, when a day's period ends. */
  start(everyMs: number): void;
  status(): RetentionStatus;
  /** The sums of sources as they are now; none where this service does not look at them. */
  figures(range: DayRange): Promise<DayFigures[]>;
  /** Ends after the tick that is under way. */
  stop(): Promise<void>;
}

/** Runs of one tick: a shortened period ends a year of days at once, and an entry holds some of them. */
const runsPerTick = 8;
const dayMs = 86_400_000;
/** Days end at midnight; a moment later no clock disagrees about it. */
const afterMidnightMs = 2000;

/*
 * The order of a run, and what a crash leaves at each step:
 *
 *   0. what holds of orders keep of these days is copied (`holds.ts`), and the days' sums are taken for the
 *      last time (`reconciliation.ts`)
 *   1. `retention.started` is durable: what is there of which days, by the engine's system tables
 *   2. the days' partitions are dropped, detached parts with them
 *   3. the system tables are asked again, and every other place is looked at
 *   4. `retention.certified`: the same days are gone
 *
 * Each tick begins by asking the ledger and the system tables, and nothing is kept in memory between them:
 * killed after 1 or 2, the next process finds the open run, drops what is left, and certifies only what it
 * has seen to be gone. Files of a dropped day may be there for minutes; the certificate waits for them.
 */

/** The service that lets data go. */
export function createRetention(deps: RetentionDeps): Retention {
  const { partitions, held: heldTraffic, record, policy, clock, monotonic, logger } = deps;
  const guard = new ClockGuard();
  const mutex = new Mutex();
  const stopping = new AbortController();
  const period = `P${policy.period.months}M`;
  const keyKeeping = deps.diskKeys
    ? createKeyKeeping({
        diskKeys: deps.diskKeys.keys,
        disk: deps.diskKeys.disk ?? 0,
        days: deps.diskKeys.days,
        record,
        rewriteHeld: () => heldTraffic.rewrite(),
        logger,
      })
    : null;
  const reconciliation = deps.sourceDays
    ? createReconciliation({
        sourceDays: deps.sourceDays,
        record,
        period: policy.period,
        logger,
        stopping: stopping.signal,
      })
    : null;
  const removal = createRemoval(deps);
  const holds = createHoldKeeping({ held: heldTraffic, record, logger });
  const places: Place[] = [...deps.places, { name: 'held_traffic', look: holds.look }];
  let status = beforeFirstLook(period);
  let running: Promise<void> | null = null;

  async function look(): Promise<void> {
    let view = await record.view();
    const now = clock.now();
    const clockVerdict = guard.judge({
      wall: now,
      monotonic: monotonic(),
      ledgerService: Date.parse(view.now),
      latestEntry: Date.parse(view.latestAt),
      believed: Date.parse(view.believedAt),
      size: view.size,
      signedSize: view.signedSize,
      engine: await partitions.engineTime(),
      newestRow: await partitions.newestCollectedAt(),
    });
    if (!clockVerdict.ok && clockVerdict.code !== troubleOf(status)) {
      logger.error({ code: clockVerdict.code }, 'the clock cannot be believed; nothing is deleted');
    }
    if ((deps.diskKeys?.disk ?? 0) > 0) {
      status = { ...status, lookedAt: utc(now), clock: clockVerdict, fault: null };
      if (clockVerdict.ok) await tendKeys(view, now);
      return;
    }
    const engineHeld = await holdEngine();
    let held = await partitions.list();
    // What orders keep is copied under any clock: nothing is lost by it.
    await holds.keep(view, now, expiredDays(held, now));
    status = {
      ...status,
      lookedAt: utc(now),
      clock: clockVerdict,
      fault: null,
      engineHeld,
      holds: holds.status(),
    };
    if (!clockVerdict.ok) {
      status = { ...status, lastCertificate: certificateOf(view) };
      return;
    }
    view = await removal.configure(view);
    await holds.end(now);
    // By the ledger's clock as well: an order that is recorded later finds nothing left of these days.
    const planTime = (): number => Math.min(clock.now(), Date.parse(view.now));
    let plan = planRun(held, planTime(), policy.period);
    const looks = await lookAround(places, now);
    status = { ...status, holds: holds.status() };
    for (let runs = 0; runs < runsPerTick && !stopping.signal.aborted; runs++) {
      const days = view.openRun?.days ?? plan.expired;
      const id = view.openRun?.id ?? uuidv7({ msecs: now });
      if (days.length === 0) break;
      if (view.openRun === null) {
        const kept = await holds.keepDays(trafficDays(days));
        if (kept === null) break;
        await reconciliation?.close(view, held, trafficDays(days), now);
        view = await removal.begin(view, id, plan, kept);
      }
      held = await removal.drop(days, held);
      if (leftOf(days, held).length > 0 || looks.overdue.length > 0) break;
      view = await removal.configure(await removal.certify(view, id, days, held, looks.checked));
      plan = planRun(held, planTime(), policy.period);
    }
    const overdue = [
      ...overdueDays(held, now, { policy: view.policy, period: policy.period }),
      ...looks.overdue,
    ];
    if (
      view.openRun === null &&
      plan.expired.length === 0 &&
      overdue.length === 0 &&
      isDue(view, plan, now)
    ) {
      view = await removal.certify(view, uuidv7({ msecs: now }), [], held, looks.checked);
    }
    if (overdue.length > 0) await alarmOf(overdue, plan.through, now, { view, record, logger });
    status = {
      ...status,
      through: plan.through,
      removing: (view.openRun?.days ?? []).filter((day) => leftOf([day], held).length > 0),
      lastCertificate: certificateOf(view),
      overdue,
      notChecked: looks.checked.flatMap(({ place, reason }) =>
        reason === undefined ? [] : [{ place, reason }],
      ),
      days: daysOfPicture(held, now, policy.period, plan.through),
    };
    if (reconciliation !== null) {
      await reconciliation.tend(view, held, now);
      status = { ...status, reconciliation: reconciliation.status() };
    }
    await tendKeys(view, now);
  }

  async function tendKeys(view: RetentionView, now: number): Promise<void> {
    if (keyKeeping === null) return;
    await keyKeeping.tend(view, now);
    status = { ...status, diskKeys: keyKeeping.status() };
  }

  /** One each day, also on a day on which none ends (31 August): the ledger's time follows from them. */
  function isDue(
    { lastCertificate: last, policy: known }: RetentionView,
    plan: RunPlan,
    now: number,
  ): boolean {
    if (last === null || last.policyVersion !== known?.version) return true;
    return last.through !== plan.through || dayOf(Date.parse(last.at)) !== dayOf(now);
  }

  /** A user without the right for it cannot, and goes on: the engine then deletes by its own clock, too. */
  async function holdEngine(): Promise<boolean> {
    if (status.engineHeld) return true;
    try {
      await partitions.holdEngineExpiry();
      return true;
    } catch (error) {
      logger.warn({ code: codeOf(error) }, "the engine's own deletion could not be held");
      return false;
    }
  }

  /** Days of traffic that are wholly past their time, and there. */
  function expiredDays(held: readonly DayHeld[], now: number): string[] {
    const days = held.filter(
      ({ table, day }) => table === 'traffic' && isDayExpired(day, now, policy.period),
    );
    return [...new Set(days.map(({ day }) => day))];
  }

  const tick = (): Promise<void> =>
    mutex.run(async () => {
      try {
        await look();
      } catch (error) {
        const code = codeOf(error);
        status = { ...status, fault: code };
        logger.error({ code }, 'expiry could not be looked after; it is tried again');
      }
    });

  return {
    tick,
    start(everyMs) {
      running ??= (async () => {
        while (!stopping.signal.aborted) {
          await tick();
          const midnight = dayMs - (clock.now() % dayMs) + afterMidnightMs;
          await sleep(Math.min(everyMs, midnight), undefined, { signal: stopping.signal }).catch(() => {});
        }
      })();
    },
    status: () => status,
    figures: async (range) =>
      (await reconciliation?.figures(range, await partitions.list(), clock.now())) ?? [],
    async stop() {
      stopping.abort();
      await running;
      await mutex.run(async () => {});
    },
  };
}

const trafficDays = (days: readonly RemovedDay[]): string[] =>
  days.filter(({ place }) => place === 'traffic').map(({ day }) => day);

const troubleOf = ({ clock }: RetentionStatus): string | null =>
  clock === null || clock.ok ? null : clock.code;

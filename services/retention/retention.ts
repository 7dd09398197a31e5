import { setTimeout as sleep } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import { type CheckedPlace, namedHolds, type RemovedDay } from '#shared/control';
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
  dayExpiresAt,
  dayOf,
  type ExpiringTable,
  expiringTables,
  type HeldTraffic,
  isDayExpired,
  type Partitions,
  parseRetentionPeriod,
  type RetentionPeriod,
  type SourceDays,
} from '#shared/store';
import { createKeyKeeping } from './disk-keys.ts';
import { createHoldKeeping } from './holds.ts';
import { daysOfPicture } from './picture.ts';
import type { Place } from './place.ts';
import { createReconciliation } from './reconciliation.ts';
import { beforeFirstLook, certificateOf, type Overdue, type RetentionStatus } from './status.ts';
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
  /** Keys of the disk, where this service looks after them, and how many days are written under one. */
  readonly diskKeys?: { readonly keys: DiskKeys; readonly days: number };
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

/** How long something may be there after its time (DESIGN.md, promise 5). */
export const graceMs = 86_400_000;
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
    view = await configure(view);
    await holds.end(now);
    // By the ledger's clock as well: an order that is recorded later finds nothing left of these days.
    const planTime = (): number => Math.min(clock.now(), Date.parse(view.now));
    let plan = planRun(held, planTime(), policy.period);
    const looks = await lookAround(now);
    status = { ...status, holds: holds.status() };
    for (let runs = 0; runs < runsPerTick && !stopping.signal.aborted; runs++) {
      const days = view.openRun?.days ?? plan.expired;
      const id = view.openRun?.id ?? uuidv7({ msecs: now });
      if (days.length === 0) break;
      if (view.openRun === null) {
        const kept = await holds.keepDays(trafficDays(days));
        if (kept === null) break;
        await reconciliation?.close(view, held, trafficDays(days), now);
        view = await begin(view, id, plan, kept);
      }
      held = await drop(days, held);
      if (leftOf(days, held).length > 0 || looks.overdue.length > 0) break;
      view = await configure(await certify(view, id, days, held, looks.checked));
      plan = planRun(held, planTime(), policy.period);
    }
    const overdue = [...overdueDays(held, now, view), ...looks.overdue];
    if (
      view.openRun === null &&
      plan.expired.length === 0 &&
      overdue.length === 0 &&
      isDue(view, plan, now)
    ) {
      view = await certify(view, uuidv7({ msecs: now }), [], held, looks.checked);
    }
    if (overdue.length > 0) await alarm(view, plan.through, overdue, now);
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

  /** Records the configured period where the ledger has another one, once no run is under way. */
  async function configure(view: RetentionView): Promise<RetentionView> {
    const { policy: known, openRun } = view;
    if (openRun !== null) return view;
    if (known?.period === period && known.legalBasis === policy.legalBasis) return view;
    const version = (known?.version ?? 0) + 1;
    const { legalBasis } = policy;
    await record.append({ kind: 'retention.configured', details: { version, period, legalBasis } });
    return { ...view, policy: { version, period, legalBasis, since: view.now } };
  }

  const versionOf = (view: RetentionView): number => view.policy?.version ?? 0;

  async function begin(
    view: RetentionView,
    id: string,
    { through, expired }: RunPlan,
    kept: readonly string[],
  ): Promise<RetentionView> {
    const details = {
      policyVersion: versionOf(view),
      through,
      days: [...expired],
      ...(kept.length > 0 ? { holds: namedHolds(kept) } : {}),
    };
    await record.append({ kind: 'retention.started', subject: id, details });
    logger.info({ count: expired.length }, 'days are past their time; removing them');
    return record.view();
  }

  /** @returns what the engine has after it */
  async function drop(days: readonly RemovedDay[], held: readonly DayHeld[]): Promise<DayHeld[]> {
    for (const { place, day } of leftOf(days, held)) await partitions.drop(tableOf(place), day);
    return partitions.list();
  }

  async function certify(
    view: RetentionView,
    id: string,
    days: readonly RemovedDay[],
    held: readonly DayHeld[],
    checked: readonly CheckedPlace[],
  ): Promise<RetentionView> {
    const now = clock.now();
    // By the policy of the run, which is the ledger's: a new one is recorded after it.
    const plan = planRun(held, now, parseRetentionPeriod(view.policy?.period ?? period) ?? policy.period);
    // Where there is more to remove, nothing is said of the days that follow.
    const [firstLeft] = plan.expired;
    const through = firstLeft === undefined ? plan.through : dayBefore(firstLeft.day);
    const tables: CheckedPlace[] = expiringTables.map((place) => ({ place, outcome: 'gone' }));
    const details = {
      policyVersion: versionOf(view),
      through,
      days: [...days],
      goneAt: utc(now),
      places: [...tables, ...checked],
      next: [...plan.next],
    };
    await record.append({ kind: 'retention.certified', subject: id, details });
    logger.info({ count: days.length }, 'deletion certified');
    return record.view();
  }

  async function lookAround(now: number): Promise<{ checked: CheckedPlace[]; overdue: Overdue[] }> {
    const checked: CheckedPlace[] = [];
    const overdue: Overdue[] = [];
    for (const { name, look: lookAt } of places) {
      const found = await lookAt(now);
      if (!found.ok) checked.push({ place: name, outcome: 'not_checked', reason: found.reason });
      else if (found.left === null) checked.push({ place: name, outcome: 'gone' });
      else overdue.push({ place: name, ...found.left });
    }
    return { checked, overdue };
  }

  /** Days of traffic that are wholly past their time, and there. */
  function expiredDays(held: readonly DayHeld[], now: number): string[] {
    const days = held.filter(
      ({ table, day }) => table === 'traffic' && isDayExpired(day, now, policy.period),
    );
    return [...new Set(days.map(({ day }) => day))];
  }

  function overdueDays(held: readonly DayHeld[], now: number, view: RetentionView): Overdue[] {
    // A period that was shortened ends days at once, which then have their time from there.
    const since = Date.parse(view.policy?.since ?? utc(now));
    const goneBy = (day: string): number => Math.max(dayExpiresAt(day, policy.period), since) + graceMs;
    return expiringTables.flatMap((table) => {
      const late = held.filter(({ table: of, day }) => of === table && goneBy(day) <= now);
      const [oldest] = late;
      return oldest === undefined
        ? []
        : [{ place: table, items: new Set(late.map(({ day }) => day)).size, oldest: oldest.day }];
    });
  }

  async function alarm(
    view: RetentionView,
    through: string,
    overdue: readonly Overdue[],
    now: number,
  ): Promise<void> {
    logger.error(
      { code: 'retention.overdue', count: overdue.length },
      'data are still there a day after their time',
    );
    const told = view.lastOverdue === null ? Number.NEGATIVE_INFINITY : Date.parse(view.lastOverdue.at);
    if (now - told < dayMs) return;
    const left = overdue.map(({ place, items, oldest }) => ({
      place,
      items,
      ...(oldest === undefined ? {} : { oldest }),
    }));
    await record.append({
      kind: 'retention.overdue',
      details: { policyVersion: versionOf(view), through, left },
    });
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

/** What the engine still has of these days, in any state. */
function leftOf(days: readonly RemovedDay[], held: readonly DayHeld[]): RemovedDay[] {
  const there = new Set(held.map(({ table, day }) => `${table} ${day}`));
  return days.filter(({ place, day }) => there.has(`${place} ${day}`));
}

function tableOf(place: string): ExpiringTable {
  const table = expiringTables.find((name) => name === place);
  if (table === undefined) throw new RangeError('a run names a place that is no table');
  return table;
}

const dayBefore = (day: string): string =>
  new Date(Date.parse(`${day}T00:00:00.000Z`) - dayMs).toISOString().slice(0, 10);

const troubleOf = ({ clock }: RetentionStatus): string | null =>
  clock === null || clock.ok ? null : clock.code;

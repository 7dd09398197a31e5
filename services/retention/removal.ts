import { type CheckedPlace, namedHolds, type RemovedDay } from '#shared/control';
import { planRun, type RetentionView, type RunPlan } from '#shared/retention';
import { utc } from '#shared/runtime';
import { type DayHeld, type ExpiringTable, expiringTables, parseRetentionPeriod } from '#shared/store';
import type { RetentionDeps } from './retention.ts';

/** The steps of a removal with their entries of the ledger; their order is in `retention.ts`. */
export interface Removal {
  /** Records the configured period where the ledger has another one, once no run is under way. */
  configure(view: RetentionView): Promise<RetentionView>;
  /** Says what is about to be removed, and the orders whose holds have all of it. */
  begin(view: RetentionView, id: string, plan: RunPlan, kept: readonly string[]): Promise<RetentionView>;
  /** @returns what the engine has after it */
  drop(days: readonly RemovedDay[], held: readonly DayHeld[]): Promise<DayHeld[]>;
  /** Says that the days are gone. @param held what the engine has */
  certify(
    view: RetentionView,
    id: string,
    days: readonly RemovedDay[],
    held: readonly DayHeld[],
    checked: readonly CheckedPlace[],
  ): Promise<RetentionView>;
}

export function createRemoval(
  deps: Pick<RetentionDeps, 'partitions' | 'record' | 'policy' | 'clock' | 'logger'>,
): Removal {
  const { partitions, record, policy, clock, logger } = deps;
  const period = `P${policy.period.months}M`;

  return {
    async configure(view: RetentionView): Promise<RetentionView> {
      const { policy: known, openRun } = view;
      if (openRun !== null) return view;
      if (known?.period === period && known.legalBasis === policy.legalBasis) return view;
      const version = (known?.version ?? 0) + 1;
      const { legalBasis } = policy;
      await record.append({ kind: 'retention.configured', details: { version, period, legalBasis } });
      return { ...view, policy: { version, period, legalBasis, since: view.now } };
    },

    async begin(
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
    },

    async drop(days: readonly RemovedDay[], held: readonly DayHeld[]): Promise<DayHeld[]> {
      for (const { place, day } of leftOf(days, held)) await partitions.drop(tableOf(place), day);
      return partitions.list();
    },

    async certify(
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
    },
  };
}

/** Of the policy in force; 0 before there is one. */
export const versionOf = (view: RetentionView): number => view.policy?.version ?? 0;

/** What the engine still has of these days, in any state. */
export function leftOf(days: readonly RemovedDay[], held: readonly DayHeld[]): RemovedDay[] {
  const there = new Set(held.map(({ table, day }) => `${table} ${day}`));
  return days.filter(({ place, day }) => there.has(`${place} ${day}`));
}

function tableOf(place: string): ExpiringTable {
  const table = expiringTables.find((name) => name === place);
  if (table === undefined) throw new RangeError('a run names a place that is no table');
  return table;
}

const dayBefore = (day: string): string =>
  new Date(Date.parse(`${day}T00:00:00.000Z`) - 86_400_000).toISOString().slice(0, 10);

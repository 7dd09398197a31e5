import {
  type Difference,
  differenceOf,
  matches,
  maxReconciledSources,
  type ReconciledDay,
  type SourceFigures,
} from '#shared/control';
import type { RetentionRecord, RetentionView } from '#shared/retention';
import { codeOf, type Logger, utc } from '#shared/runtime';
import { type DayHeld, dayOf, expiresAt, type RetentionPeriod, type SourceDays } from '#shared/store';
import { readFigures } from './source-figures.ts';

/** What of a source and day does not match. */
export type DifferingSource = Difference & { readonly day: string; readonly source: string };

export interface ReconciliationStatus {
  /** RFC 3339 UTC; null before the first look. */
  readonly lookedAt: string | null;
  /** Code of the fault for which the last look came to nothing. */
  readonly fault: string | null;
  /** The newest day whose sums are in the ledger. */
  readonly through: string | null;
  /** At most 100. */
  readonly differing: readonly DifferingSource[];
}

export interface Reconciliation {
  /**
   * Holds what collectors counted of days that are over against what is stored, and records the sums. Never
   * rejects. @param now by a clock that is believed
   */
  tend(view: RetentionView, held: readonly DayHeld[], now: number): Promise<void>;
  /**
   * The figures of days as they are now; nothing is recorded.
   * @param range first and last day
   */
  figures(range: DayRange, held: readonly DayHeld[], now: number): Promise<DayFigures[]>;
  status(): ReconciliationStatus;
}

/** Days of collection in UTC, both of them with it. */
export interface DayRange {
  readonly from: string;
  readonly to: string;
}

/** A day's figures by source. */
export interface DayFigures {
  readonly day: string;
  /** Not over: what was counted and what is stored are still on their way. */
  readonly open: boolean;
  readonly sources: readonly SourceFigures[];
}

/** After its end, a day's last events are given this long to arrive. */
const settleMs = 10 * 60_000;
/** How often it is looked. */
const everyMs = 3_600_000;
const maxDiffering = 100;
const dayMs = 86_400_000;

/*
 * Counting reads a day's ids, so that a day is counted when it is over, and anew where something says that
 * it may have changed: the engine's system tables have another number of rows, a collector counted more, its
 * sums did not match, or it is about to go, so that what is certified as deleted is what was counted last.
 */
export function createReconciliation(deps: {
  readonly sourceDays: SourceDays;
  readonly record: RetentionRecord;
  readonly period: RetentionPeriod;
  readonly logger: Logger;
  /** Ends a look between two days. */
  readonly stopping: AbortSignal;
}): Reconciliation {
  const { sourceDays, record, period, logger, stopping } = deps;
  let status: ReconciliationStatus = { lookedAt: null, fault: null, through: null, differing: [] };
  let nextAt = Number.NEGATIVE_INFINITY;
  /** Days that were counted since they are about to go. */
  const countedLast = new Set<string>();

  async function look(view: RetentionView, held: readonly DayHeld[], now: number): Promise<void> {
    const today = dayOf(now);
    const rows = rowsByDay(held);
    const first = firstReadable(now, period);
    const counted = await sourceDays.counted(first, today);
    const known = new Map(view.reconciled.map((day) => [day.day, day]));
    const over = [...new Set([...rows.keys(), ...known.keys(), ...counted.map(({ day }) => day)])]
      .filter((day) => day >= first && isOver(day, now))
      .sort();
    const toCount = over.filter((day) => {
      const before = known.get(day);
      const sum = (member: 'lines' | 'events'): number =>
        counted.reduce((total, tally) => total + (tally.day === day ? tally[member] : 0), 0);
      return (
        before === undefined ||
        before.differing > 0 ||
        before.rows !== (rows.get(day) ?? 0) ||
        before.lines !== sum('lines') ||
        before.events !== sum('events') ||
        (isAboutToGo(day, now, period) && !countedLast.has(day))
      );
    });
    const differing: DifferingSource[] = [];
    for (const day of toCount) {
      if (stopping.aborted) return;
      const figures = await readFigures(sourceDays, day, counted);
      await write(view, known.get(day), { day, rows: rows.get(day) ?? 0, figures });
      if (isAboutToGo(day, now, period)) countedLast.add(day);
      for (const one of figures.filter((source) => !matches(source))) {
        differing.push({ day, source: one.source, ...differenceOf(one) });
      }
    }
    nextAt = now + everyMs;
    status = {
      lookedAt: utc(now),
      fault: null,
      through: over.at(-1) ?? status.through,
      differing: differing.slice(0, maxDiffering),
    };
    if (differing.length === 0) return;
    logger.error(
      { code: 'reconciliation.difference', count: differing.length },
      'what collectors counted and what is stored do not match: griffie reconcile shows the days',
    );
  }

  /** An entry where the ledger does not say the same already. */
  async function write(
    view: RetentionView,
    before: ReconciledDay | undefined,
    { day, rows, figures }: { day: string; rows: number; figures: readonly SourceFigures[] },
  ): Promise<void> {
    const total = (member: 'lines' | 'events' | 'stored' | 'rejected'): number =>
      figures.reduce((sum, source) => sum + source[member], 0);
    const differingNow = figures.filter((source) => !matches(source)).length;
    const isKnown =
      before?.rows === rows &&
      before.differing === differingNow &&
      (['lines', 'events', 'stored', 'rejected'] as const).every((name) => before[name] === total(name));
    if (isKnown) return;
    const parts = Math.max(1, Math.ceil(figures.length / maxReconciledSources));
    for (let part = 0; part < parts; part++) {
      const sources = figures.slice(part * maxReconciledSources, (part + 1) * maxReconciledSources);
      const differing = sources.filter((source) => !matches(source)).length;
      const policyVersion = view.policy?.version ?? 0;
      const details = { policyVersion, day, part, rows, sources, differing };
      await record.append({ kind: 'retention.reconciled', details });
    }
  }

  return {
    async tend(view, held, now) {
      if (now < nextAt && dayOf(now) === status.lookedAt?.slice(0, 10)) return;
      try {
        await look(view, held, now);
      } catch (error) {
        const fault = codeOf(error);
        status = { ...status, fault };
        logger.error({ code: fault }, 'the sums of sources could not be looked at; it is tried again');
      }
    },
    async figures({ from, to }, held, now) {
      const first = firstReadable(now, period);
      const counted = await sourceDays.counted(first, dayOf(now));
      const days = [...new Set([...rowsByDay(held).keys(), ...counted.map(({ day }) => day)])]
        .filter((day) => day >= first && day >= from && day <= to)
        .sort();
      const found: DayFigures[] = [];
      for (const day of days) {
        found.push({ day, open: !isOver(day, now), sources: await readFigures(sourceDays, day, counted) });
      }
      return found;
    },
    status: () => status,
  };
}

/** Rows of traffic that can be read, by day, over all replicas. */
function rowsByDay(held: readonly DayHeld[]): Map<string, number> {
  const rows = new Map<string, number>();
  for (const { table, day, state, rows: n } of held) {
    if (table === 'traffic' && state === 'active') rows.set(day, (rows.get(day) ?? 0) + n);
  }
  return rows;
}

const startOf = (day: string): number => Date.parse(`${day}T00:00:00.000Z`);

/** Whether the day has ended, and what was collected on it has had time to arrive. */
const isOver = (day: string, now: number): boolean => startOf(day) + dayMs + settleMs <= now;

/** The first day of which nothing has expired yet. */
function firstReadable(now: number, period: RetentionPeriod): string {
  let at = now - (period.months + 1) * 31 * dayMs;
  while (expiresAt(startOf(dayOf(at)), period) <= now) at += dayMs;
  return dayOf(at);
}

/** Whether the day's first rows go within the next day: it is counted for the last time. */
function isAboutToGo(day: string, now: number, period: RetentionPeriod): boolean {
  return expiresAt(startOf(day), period) <= now + dayMs;
}

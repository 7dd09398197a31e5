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
import { type DayHeld, dayOf, type RetentionPeriod, type SourceDays } from '#shared/store';
import { readFigures } from './source-figures.ts';
import {
  type DayFigures,
  type DayRange,
  isOver,
  readDays,
  readSummedDays,
  type SummedDays,
} from './summed-days.ts';

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
   * The last count of days that are about to be removed: events may have come until the very end of their
   * period. Never rejects, because nothing may keep a day from going.
   */
  close(view: RetentionView, held: readonly DayHeld[], days: readonly string[], now: number): Promise<void>;
  /**
   * The figures of days as they are now; nothing is recorded.
   * @param range first and last day
   */
  figures(range: DayRange, held: readonly DayHeld[], now: number): Promise<DayFigures[]>;
  status(): ReconciliationStatus;
}

/** How often it is looked. */
const everyMs = 3_600_000;
const maxDiffering = 100;

/*
 * Counting reads a day's ids, so that a day is counted when it is over, and anew where something says that
 * it may have changed: the engine's system tables have another number of rows, a collector counted more, or
 * its sums did not match. And once more just before it is removed, so that what is certified as deleted is
 * what was counted last: by then all of it has expired, and nothing more can come.
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
  /** What did not match of days that were removed since the last look. */
  let closed: DifferingSource[] = [];

  async function look(view: RetentionView, held: readonly DayHeld[], now: number): Promise<void> {
    const summed = await readSummedDays(sourceDays, held, { now, period });
    const { rows, counted } = summed;
    const known = new Map(view.reconciled.map((day) => [day.day, day]));
    const over = [...new Set([...rows.keys(), ...known.keys(), ...counted.map(({ day }) => day)])]
      .filter((day) => summed.has(day) && isOver(day, now))
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
        before.events !== sum('events')
      );
    });
    const differing = [...closed, ...(await count(view, summed, toCount))];
    if (stopping.aborted) return;
    closed = [];
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

  /** Counts days and records their sums. @returns what does not match */
  async function count(
    view: RetentionView,
    { rows, counted }: SummedDays,
    days: readonly string[],
  ): Promise<DifferingSource[]> {
    const differing: DifferingSource[] = [];
    for (const day of days) {
      if (stopping.aborted) break;
      const figures = await readFigures(sourceDays, day, counted);
      const before = view.reconciled.find(({ day: known }) => known === day);
      await write(view, before, { day, rows: rows.get(day) ?? 0, figures });
      for (const one of figures.filter((source) => !matches(source))) {
        differing.push({ day, source: one.source, ...differenceOf(one) });
      }
    }
    return differing;
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

  async function caught(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const fault = codeOf(error);
      status = { ...status, fault };
      logger.error({ code: fault }, 'the sums of sources could not be looked at; it is tried again');
    }
  }

  return {
    async tend(view, held, now) {
      if (now < nextAt && dayOf(now) === status.lookedAt?.slice(0, 10)) return;
      await caught(() => look(view, held, now));
    },
    close: (view, held, days, now) =>
      caught(async () => {
        const summed = await readSummedDays(sourceDays, held, { now, period });
        closed.push(...(await count(view, summed, days)));
      }),
    figures: (range, held, now) => readDays(sourceDays, held, { range, now, period }),
    status: () => status,
  };
}

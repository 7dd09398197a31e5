import { asControlEntry, type DetailsOf, type EntryKind } from '#shared/control';
import type { FoundEntry } from '../audit/entry-source.ts';

/** A number of orders, and how long they took. */
export interface OrderFigures {
  readonly received: number;
  /** At least one package with records was released. */
  readonly fulfilled: number;
  readonly unfulfilled: number;
  /** From receipt to the first release, of those that were fulfilled; null where none was. Hours, one decimal. */
  readonly averageHours: number | null;
}

/**
 * A year's figures (Regulation (EU) 2023/1543, Article 28(4), and what supervisors ask besides), from the
 * ledger alone. Orders are those recorded in the year; what became of them is counted up to the last entry.
 */
export interface YearStatistics {
  readonly year: number;
  /** Public URL of the service, as the ledger has it last. */
  readonly service: string | null;
  /** Entries that were looked at. */
  readonly ledgerEntries: number;
  /** Index of the last of them: who makes the figures again takes the entries up to it. */
  readonly lastEntry: number | null;
  /** Time of the last of them: an earlier end than the year's says that the year is not over in this ledger. */
  readonly upTo: string | null;
  readonly production: OrderFigures;
  readonly byIssuingState: Readonly<Record<string, OrderFigures>>;
  readonly byEmergency: Readonly<Record<'emergency' | 'ordinary', OrderFigures>>;
  readonly byCategory: Readonly<Record<string, OrderFigures>>;
  readonly byRegime: Readonly<Record<string, OrderFigures>>;
  readonly preservation: {
    readonly received: number;
    /** An order to produce what they keep was received. */
    readonly followed: number;
    /** From their issue to the first such order, of those that were followed by one; null where none was. */
    readonly averageHours: number | null;
  };
  /** What orders of any kind hold past its time. */
  readonly holds: {
    readonly placed: number;
    readonly extended: number;
    readonly lifted: number;
    readonly ended: number;
  };
  readonly decisions: Readonly<Record<string, number>>;
  /** Orders of which the data were not provided in time, by alarms that the service raised. */
  readonly deadlines: { readonly missed: number };
  readonly disclosures: {
    readonly requested: number;
    readonly released: number;
    readonly withoutRecords: number;
    readonly failed: number;
    /** By the officer who asked. */
    readonly cancelled: number;
    readonly records: number;
    readonly collected: number;
  };
  /** Refused requests and rejected orders, by reason. */
  readonly refusals: Readonly<Record<string, number>>;
  /** What the table asks for and the ledger does not hold: it is in case files. */
  readonly notInLedger: readonly string[];
}

const notInLedger = ['age of the data at the request: the window is in the order and the request'] as const;

/** Kinds that the figures are made from. */
export const countedKinds = [
  'ledger.started',
  'configuration.changed',
  'order.recorded',
  'order.approved',
  'order.rejected',
  'order.deadline_alarm',
  'hold.placed',
  'hold.extended',
  'hold.lifted',
  'hold.ended',
  'disclosure.requested',
  'disclosure.refused',
  'disclosure.released',
  'disclosure.failed',
  'disclosure.cancelled',
  'disclosure.collected',
  'access.refused',
] as const satisfies readonly EntryKind[];

interface Order {
  readonly details: DetailsOf<'order.recorded'>;
  /** Of the first package with records. */
  releasedAt: string | null;
}

/**
 * @param entries those of `countedKinds`, from the ledger's beginning, in their order
 * @param lastEntry index of the last entry that counts
 */
export async function countYear(
  entries: AsyncIterable<FoundEntry>,
  year: number,
  lastEntry = Number.POSITIVE_INFINITY,
): Promise<YearStatistics> {
  const inYear = (at: string): boolean => at.startsWith(`${year}-`);
  const orders = new Map<string, Order>();
  const refusals = new Map<string, number>();
  const decisions = new Map<string, number>();
  const add = (to: Map<string, number>, name: string): void => void to.set(name, (to.get(name) ?? 0) + 1);
  const disclosures = {
    requested: 0,
    released: 0,
    withoutRecords: 0,
    failed: 0,
    cancelled: 0,
    records: 0,
    collected: 0,
  };
  const missed = new Set<string>();
  const preservations = new Map<string, Preservation>();
  const holds = { placed: 0, extended: 0, lifted: 0, ended: 0 };
  let looked = 0;
  let upTo = '';
  let last: number | null = null;
  let service: string | null = null;

  for await (const { index, entry: raw } of entries) {
    if (index > lastEntry) break;
    last = index;
    const entry = asControlEntry(index, raw);
    looked++;
    if (entry.at > upTo) upTo = entry.at;
    const counts = inYear(entry.at);
    switch (entry.kind) {
      case 'ledger.started':
      case 'configuration.changed':
        service = entry.details.audience;
        break;
      case 'order.recorded':
        // Also an order of the next year follows a preservation of this one.
        noteProduction(preservations.get(entry.details.preservedUnder ?? ''), entry.details.receivedAt);
        if (!counts) break;
        if (entry.details.type === 'preserve') {
          const { issuedAt } = entry.details;
          preservations.set(entry.subject ?? '', { issuedAt, producedAt: null });
        } else orders.set(entry.subject ?? '', { details: entry.details, releasedAt: null });
        break;
      case 'order.approved':
        if (counts) add(decisions, 'approved');
        break;
      case 'order.rejected':
        if (counts) add(decisions, 'rejected');
        if (counts) add(refusals, `order.rejected.${entry.details.reason}`);
        break;
      case 'order.deadline_alarm':
        if (counts && entry.details.stage === 'missed') missed.add(entry.subject ?? '');
        break;
      case 'hold.placed':
        if (counts) holds.placed++;
        break;
      case 'hold.extended':
        if (counts) holds.extended++;
        break;
      case 'hold.lifted':
        if (counts) holds.lifted++;
        break;
      case 'hold.ended':
        if (counts) holds.ended++;
        break;
      case 'disclosure.requested':
        if (counts) disclosures.requested++;
        break;
      case 'disclosure.refused':
        if (counts) for (const code of entry.details.codes) add(refusals, code);
        break;
      case 'disclosure.released': {
        const order = orders.get(entry.details.orderId);
        // Also a release of the next year fulfils an order of this one.
        if (order && entry.details.completeness !== 'none') order.releasedAt ??= entry.at;
        if (!counts) break;
        disclosures.released++;
        disclosures.records += entry.details.records;
        if (entry.details.completeness === 'none') disclosures.withoutRecords++;
        break;
      }
      case 'disclosure.failed':
        if (counts) disclosures.failed++;
        break;
      case 'disclosure.cancelled':
        if (counts) disclosures.cancelled++;
        break;
      case 'disclosure.collected':
        if (counts) disclosures.collected++;
        break;
      case 'access.refused':
        if (counts) add(refusals, entry.details.code);
        break;
      default:
        break;
    }
  }
  const all = [...orders.values()];
  return {
    year,
    service,
    ledgerEntries: looked,
    lastEntry: last,
    upTo: upTo === '' ? null : upTo,
    production: figuresOf(all),
    byIssuingState: grouped(all, ({ details }) => [details.issuingState]),
    byEmergency: {
      emergency: figuresOf(all.filter(({ details }) => details.emergency)),
      ordinary: figuresOf(all.filter(({ details }) => !details.emergency)),
    },
    byCategory: grouped(all, ({ details }) => details.categories),
    byRegime: grouped(all, ({ details }) => [details.regime]),
    preservation: preservationFigures([...preservations.values()]),
    holds,
    decisions: sorted(decisions),
    deadlines: { missed: missed.size },
    disclosures,
    refusals: sorted(refusals),
    notInLedger,
  };
}

/** An order to preserve, and when the first order to produce what it keeps was received. */
interface Preservation {
  /** Absent where an earlier version of Griffie recorded it. */
  readonly issuedAt: string | undefined;
  producedAt: string | null;
}

function noteProduction(preservation: Preservation | undefined, at: string): void {
  if (preservation !== undefined) preservation.producedAt ??= at;
}

function preservationFigures(all: readonly Preservation[]): YearStatistics['preservation'] {
  const followed = all.filter(({ producedAt }) => producedAt !== null);
  const hours = followed.flatMap(({ issuedAt, producedAt }) =>
    issuedAt === undefined || producedAt === null
      ? []
      : [(Date.parse(producedAt) - Date.parse(issuedAt)) / 3_600_000],
  );
  return { received: all.length, followed: followed.length, averageHours: averageOf(hours) };
}

const averageOf = (hours: readonly number[]): number | null =>
  hours.length === 0
    ? null
    : Math.round((hours.reduce((total, one) => total + one, 0) / hours.length) * 10) / 10;

function figuresOf(orders: readonly Order[]): OrderFigures {
  const hours = orders.flatMap(({ details, releasedAt }) =>
    releasedAt === null ? [] : [(Date.parse(releasedAt) - Date.parse(details.receivedAt)) / 3_600_000],
  );
  return {
    received: orders.length,
    fulfilled: hours.length,
    unfulfilled: orders.length - hours.length,
    averageHours: averageOf(hours),
  };
}

function grouped(
  orders: readonly Order[],
  namesOf: (order: Order) => readonly string[],
): Record<string, OrderFigures> {
  const groups = new Map<string, Order[]>();
  for (const order of orders) {
    for (const name of namesOf(order)) groups.set(name, [...(groups.get(name) ?? []), order]);
  }
  return Object.fromEntries(
    [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, of]) => [name, figuresOf(of)]),
  );
}

const sorted = (counts: ReadonlyMap<string, number>): Record<string, number> =>
  Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));

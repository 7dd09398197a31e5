import {
  asControlEntry,
  type DetailsOf,
  type Difference,
  differenceOf,
  matches,
  type ReconciledDetails,
  type SourceFigures,
} from '#shared/control';
import type { FoundEntry } from '../audit/entry-source.ts';

/** One source on one day, as the ledger has it last. */
export interface SourceDay extends SourceFigures {
  readonly day: string;
  /** Of `stored`: certified as deleted. */
  readonly expired: number;
  /** Records of it in released packages, each package for itself. */
  readonly disclosed: number;
  readonly difference: Difference;
}

export interface ReconciliationReport {
  /** In the order of days and sources. */
  readonly days: readonly SourceDay[];
  /** Days that were looked at. */
  readonly from: string | null;
  readonly to: string | null;
  /** Of the whole ledger; null where it was not read. */
  readonly disclosures: { readonly packages: number; readonly records: number } | null;
  /** Sentences about what does not match. */
  readonly differences: readonly string[];
}

export interface ReconciliationFilter {
  /** First and last day of collection, in UTC. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly source?: string | undefined;
}

/** Kinds of entries that the sums are made of. */
export const reconciledKinds = [
  'retention.reconciled',
  'retention.certified',
  'disclosure.released',
] as const;

const maxDifferences = 1000;
const dayMs = 86_400_000;

type Released = DetailsOf<'disclosure.released'> & { readonly index: number };

interface LedgerDay {
  readonly rows: number;
  readonly sources: SourceFigures[];
  /** The most events that were ever counted of a source. */
  readonly most: Map<string, number>;
}

/** Makes the sums again from entries; what an entry says of its own verdict is not believed. */
export async function reconcileEntries(
  entries: AsyncIterable<FoundEntry>,
  filter: ReconciliationFilter,
): Promise<ReconciliationReport> {
  const days = new Map<string, LedgerDay>();
  const gone = new Map<string, number>();
  const disclosures = { packages: 0, records: 0 };
  const released: Released[] = [];
  let through = '';
  for await (const { index, entry: raw } of entries) {
    const entry = asControlEntry(index, raw);
    if (entry.kind === 'retention.reconciled') take(days, entry.details);
    if (entry.kind === 'retention.certified') {
      if (entry.details.through > through) through = entry.details.through;
      for (const { place, day, rows } of entry.details.days) {
        if (place === 'traffic') gone.set(day, rows);
      }
    }
    if (entry.kind === 'disclosure.released') {
      disclosures.packages++;
      disclosures.records += entry.details.records;
      released.push({ index, ...entry.details });
    }
  }
  const { from = '', to = '9999-12-31', source } = filter;
  const wanted = [...days].filter(([day]) => day >= from && day <= to).sort(([a], [b]) => (a < b ? -1 : 1));
  const differences: string[] = [];
  const tell = (sentence: string): void => {
    if (differences.length < maxDifferences) differences.push(sentence);
  };
  const disclosed = disclosedOf(released, days, tell);
  const found = wanted.flatMap(([day, { rows, sources }]): SourceDay[] => {
    const removed = gone.get(day);
    if (removed !== undefined && removed !== rows) {
      tell(`${day}: ${removed} rows were deleted and certified, and ${rows} had been counted`);
    }
    const isGone = removed !== undefined || day <= through;
    return sources
      .filter(({ source: name }) => source === undefined || name === source)
      .map((figures) => {
        if (!matches(figures)) tell(sentenceOf(day, figures));
        return {
          day,
          ...figures,
          expired: isGone ? figures.stored : 0,
          disclosed: disclosed.get(`${day} ${figures.source}`) ?? 0,
          difference: differenceOf(figures),
        };
      });
  });
  for (const day of daysBetween(wanted.at(0)?.[0], wanted.at(-1)?.[0])) {
    if (!days.has(day) && gone.has(day)) tell(`${day}: its rows were deleted, and its sums were never taken`);
  }
  return {
    days: found,
    from: wanted.at(0)?.[0] ?? null,
    to: wanted.at(-1)?.[0] ?? null,
    disclosures,
    differences,
  };
}

/**
 * Records in packages by day and source; none can have more of a day than was ever stored of it. The last count
 * may be of less: a package was made before something went, or of what an order holds of a day that has gone.
 */
function disclosedOf(
  released: readonly Released[],
  days: ReadonlyMap<string, LedgerDay>,
  tell: (sentence: string) => void,
): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { index, records, origins } of released) {
    if (origins === undefined) continue;
    let counted = 0;
    for (const { source, from, records: byDay } of origins) {
      for (const [back, count] of byDay.entries()) {
        const day = new Date(Date.parse(from) + back * dayMs).toISOString().slice(0, 10);
        counted += count;
        sums.set(`${day} ${source}`, (sums.get(`${day} ${source}`) ?? 0) + count);
        const most = days.get(day)?.most.get(source);
        if (most !== undefined && count > most) {
          tell(`${day} ${source}: entry ${index} released ${count} records, and ${most} were stored`);
        }
      }
    }
    if (counted !== records) {
      tell(`entry ${index} released ${records} records, and names the origin of ${counted}`);
    }
  }
  return sums;
}

function take(days: Map<string, LedgerDay>, { day, part, rows, sources }: ReconciledDetails): void {
  const known = days.get(day);
  const most = known?.most ?? new Map<string, number>();
  for (const { source, stored } of sources) most.set(source, Math.max(stored, most.get(source) ?? 0));
  if (part === 0 || known === undefined) days.set(day, { rows, sources: [...sources], most });
  else known.sources.push(...sources);
}

/** What does not match, for a person. */
export function sentenceOf(day: string, figures: SourceFigures): string {
  const { lines, missing, surplus } = differenceOf(figures);
  const parts = [
    ...(missing > 0 ? [`${missing} of ${figures.events} events are neither stored nor refused`] : []),
    ...(surplus > 0 ? [`${surplus} events are stored or refused that no collector made`] : []),
    ...(lines === 0 ? [] : [`nobody says what became of ${lines} of ${figures.lines} lines`]),
  ];
  return `${day} ${figures.source}: ${parts.join('; ')}`;
}

function* daysBetween(first: string | undefined, last: string | undefined): Generator<string> {
  if (first === undefined || last === undefined) return;
  for (let at = Date.parse(first); at <= Date.parse(last); at += dayMs) {
    yield new Date(at).toISOString().slice(0, 10);
  }
}

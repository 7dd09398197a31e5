import type { EntryKind } from './details.ts';
import type { AnyControlEntry } from './entry.ts';
import { hoursAt } from './local-hours.ts';
import type { Pattern, PatternAlarm, PatternTally, PatternThresholds } from './pattern-entries.ts';
import type { ControlState } from './state.ts';

/*
 * Alarms on patterns. What an entry adds to is counted by day or month; the entry with which a count reaches
 * its threshold makes an alarm due, and the next entry is that alarm, decided and made durable together with
 * it. So the alarms follow from the ledger, and one that is missing shows. The thresholds are those of the
 * ledger's configuration: before it names any, nothing is due.
 */

/** What the rules read of the state before an entry. */
export type PatternView = Readonly<
  Pick<
    ControlState,
    'configuration' | 'credentials' | 'lastUse' | 'orders' | 'disclosures' | 'patternTallies'
  >
>;

interface Observation {
  readonly pattern: Pattern;
  readonly about: Pick<PatternAlarm, 'thumbprint' | 'persons'>;
  readonly period: string;
  /** How often at once; of `long_unused` the days. */
  readonly times: number;
  readonly threshold: number;
}

/** What people do that need not be done at night. */
const workKinds: ReadonlySet<EntryKind> = new Set<EntryKind>([
  'credential.enrolled',
  'credential.confirmed',
  'order.recorded',
  'order.amended',
  'order.approved',
  'disclosure.requested',
  'disclosure.collected',
]);

const dayMs = 86_400_000;

/** The tallies that an entry changes, and the alarms that it makes due. Asked before the entry is folded. */
export function observe(
  view: PatternView,
  entry: AnyControlEntry,
): { readonly tallies: ReadonlyMap<string, PatternTally>; readonly due: readonly PatternAlarm[] } {
  const tallies = new Map<string, PatternTally>();
  const due: PatternAlarm[] = [];
  const thresholds = view.configuration?.patterns;
  for (const seen of thresholds ? observationsOf(view, entry, thresholds) : []) {
    const { pattern, about, period, times, threshold } = seen;
    const key = [pattern, about.thumbprint ?? '', ...(about.persons ?? [])].join(' ');
    const before = view.patternTallies.get(key);
    const known = before?.period === period ? before : { count: 0, told: false };
    const count = known.count + times;
    const isDue = count >= threshold && !known.told;
    tallies.set(key, { period, count, told: known.told || isDue });
    if (isDue) due.push({ pattern, ...about, period, count, threshold });
  }
  return { tallies, due };
}

function observationsOf(
  view: PatternView,
  entry: AnyControlEntry,
  thresholds: PatternThresholds,
): Observation[] {
  const { actor, at } = entry;
  if (entry.kind === 'access.noise') {
    const times = entry.details.counts.reduce((sum, { count }) => sum + count, 0);
    const threshold = thresholds.anonymousRefusals;
    return times === 0
      ? []
      : [{ pattern: 'anonymous_refusals', about: {}, period: dayOf(at), times, threshold }];
  }
  return [
    ...('credential' in actor ? ofCredential(view, entry, actor.credential, thresholds) : []),
    ...ofPersons(view, entry, thresholds),
  ];
}

/** What is told of the credential that acted. */
function ofCredential(
  { credentials, lastUse }: PatternView,
  { at, kind, evidence }: AnyControlEntry,
  thumbprint: string,
  thresholds: PatternThresholds,
): Observation[] {
  const day = dayOf(at);
  const about = { thumbprint };
  if (kind === 'access.refused' || kind === 'disclosure.refused') {
    const of = { period: day, times: 1 };
    return [
      { ...of, pattern: 'refusals_of_credential', about, threshold: thresholds.refusalsOfCredential },
      { ...of, pattern: 'refusals', about: {}, threshold: thresholds.refusals },
    ];
  }
  const found: Observation[] = [];
  const { workingHours, unusedDays } = thresholds;
  const hours = workingHours && workKinds.has(kind) ? hoursAt(workingHours, at) : null;
  if (hours?.isWorking === false) {
    found.push({ pattern: 'odd_hours', about, period: hours.day, times: 1, threshold: 1 });
  }
  const credential = credentials.get(thumbprint);
  const before = lastUse.get(thumbprint) ?? credential?.confirmedAt ?? credential?.notBefore;
  const days = before === undefined ? 0 : Math.floor((Date.parse(at) - Date.parse(before)) / dayMs);
  if (evidence !== undefined && days >= unusedDays) {
    found.push({ pattern: 'long_unused', about, period: day, times: days, threshold: unusedDays });
  }
  return found;
}

/** What is counted by persons: pairs, and officers who leave packages. */
function ofPersons(
  { credentials, orders, disclosures }: PatternView,
  { kind, at, actor, subject = '', details }: AnyControlEntry,
  thresholds: PatternThresholds,
): Observation[] {
  const one = (pattern: Pattern, threshold: number, ...persons: (string | undefined)[]): Observation[] => {
    const known = persons.filter((person) => person !== undefined);
    if (known.length < persons.length) return [];
    return [{ pattern, about: { persons: known }, period: at.slice(0, 7), times: 1, threshold }];
  };
  const by = 'credential' in actor ? credentials.get(actor.credential)?.personId : undefined;
  const registrarOf = (orderId: string): string | undefined => orders.get(orderId)?.recordedBy.personId;
  switch (kind) {
    case 'order.approved':
      return one('orders_of_pair', thresholds.ordersOfPair, registrarOf(subject), by);
    case 'disclosure.requested':
      return one('requests_of_pair', thresholds.requestsOfPair, registrarOf(details.orderId), by);
    case 'retention.package_removed': {
      const { collections, requestedBy } = disclosures.get(subject) ?? {};
      return collections === 0
        ? one('packages_not_fetched', thresholds.packagesNotFetched, requestedBy?.personId)
        : [];
    }
    default:
      return [];
  }
}

const dayOf = (at: string): string => at.slice(0, 10);

import { type AnyControlEntry, asControlEntry, type EntryKind, type Pattern } from '#shared/control';
import type { FoundEntry } from './entry-source.ts';

/** What it takes two people for. */
export type PairMatter = 'enrolment' | 'order' | 'request';

/**
 * How often two people came together in a month. `first`: who enrolled, or recorded the order; `second`: who
 * confirmed, decided on the order, or asked under it. Pseudonyms of the ledger.
 */
export interface PairCount {
  readonly month: string;
  readonly matter: PairMatter;
  readonly first: string;
  readonly second: string;
  /** Confirmed, approved, allowed. */
  readonly done: number;
  /** Orders rejected, requests refused. */
  readonly refused: number;
}

/** What one credential did in a month, readings left out. */
export interface CredentialCount {
  readonly month: string;
  readonly thumbprint: string;
  readonly credentialId: string;
  readonly personId: string;
  readonly role: string;
  readonly done: number;
  readonly refused: number;
}

export interface AlarmCount {
  readonly month: string;
  readonly pattern: Pattern;
  readonly count: number;
}

export interface FourEyes {
  readonly pairs: readonly PairCount[];
  readonly credentials: readonly CredentialCount[];
  readonly alarms: readonly AlarmCount[];
  /** Time of the last entry that was looked at. */
  readonly upTo: string | null;
}

/** Kinds that the figures are made from. */
export const fourEyesKinds = [
  'credential.enrolled',
  'credential.confirmed',
  'credential.rotated',
  'credential.revoked',
  'order.recorded',
  'order.amended',
  'order.approved',
  'order.rejected',
  'order.suspended',
  'order.resumed',
  'order.revoked',
  'case.erased',
  'disclosure.requested',
  'disclosure.refused',
  'disclosure.cancelled',
  'disclosure.collected',
  'access.refused',
  'pattern.alarm',
] as const satisfies readonly EntryKind[];

interface Holder {
  readonly credentialId: string;
  readonly personId: string;
  readonly role: string;
}

/** Counts under a name each, in the order of their names. */
class Counts<T extends object> {
  readonly #counts = new Map<string, { readonly about: T; done: number; refused: number }>();

  add(about: T, outcome: 'done' | 'refused'): void {
    const name = JSON.stringify(Object.values(about));
    const found = this.#counts.get(name) ?? { about, done: 0, refused: 0 };
    found[outcome]++;
    this.#counts.set(name, found);
  }

  all(): (T & { readonly done: number; readonly refused: number })[] {
    const byName = [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1));
    return byName.map(([, { about, done, refused }]) => ({ ...about, done, refused }));
  }
}

/**
 * Who acted with whom, and how often, from the ledger alone.
 * @param entries those of `fourEyesKinds`, from the ledger's beginning, in their order
 * @param period year or month to which the figures are bound: `2026`, `2026-11`; all where absent
 */
export async function countFourEyes(entries: AsyncIterable<FoundEntry>, period = ''): Promise<FourEyes> {
  const holders = new Map<string, Holder>();
  /** By credential, the administrator who enrolled it; by order, who wrote the version in force. */
  const [enrolledBy, recordedBy] = [new Map<string, string>(), new Map<string, string>()];
  const pairs = new Counts<Omit<PairCount, 'done' | 'refused'>>();
  const credentials = new Counts<Omit<CredentialCount, 'done' | 'refused'>>();
  const alarms = new Counts<Pick<AlarmCount, 'month' | 'pattern'>>();
  let upTo: string | null = null;

  for await (const { index, entry: raw } of entries) {
    const entry = asControlEntry(index, raw);
    upTo = entry.at;
    const by = 'credential' in entry.actor ? entry.actor.credential : undefined;
    const holder = holders.get(by ?? '');
    learn(entry, holder);
    if (!entry.at.startsWith(period)) continue;
    const month = entry.at.slice(0, 7);
    if (entry.kind === 'pattern.alarm') alarms.add({ month, pattern: entry.details.pattern }, 'done');
    if (holder === undefined || by === undefined) continue;
    const isRefusal = entry.kind === 'access.refused' || entry.kind === 'disclosure.refused';
    credentials.add({ month, thumbprint: by, ...holder }, isRefusal ? 'refused' : 'done');
    const pair = pairOf(entry);
    if (pair === null) continue;
    const { matter, first, outcome } = pair;
    pairs.add({ month, matter, first, second: holder.personId }, outcome);
  }
  return {
    pairs: pairs.all(),
    credentials: credentials.all(),
    alarms: alarms.all().map(({ month, pattern, done }) => ({ month, pattern, count: done })),
    upTo,
  };

  function learn({ kind, subject = '', details }: AnyControlEntry, holder: Holder | undefined): void {
    if (kind === 'credential.enrolled' || kind === 'credential.rotated') {
      const { thumbprint, credentialId, personId, role } = details;
      holders.set(thumbprint, { credentialId, personId, role });
      if (kind === 'credential.enrolled' && holder) enrolledBy.set(thumbprint, holder.personId);
    }
    const isVersion = kind === 'order.recorded' || kind === 'order.amended';
    if (isVersion && holder) recordedBy.set(subject, holder.personId);
  }

  function pairOf({ kind, subject = '', details }: AnyControlEntry): {
    readonly matter: PairMatter;
    readonly first: string;
    readonly outcome: 'done' | 'refused';
  } | null {
    const of = (
      matter: PairMatter,
      first: string | undefined,
      outcome: 'done' | 'refused' = 'done',
    ): ReturnType<typeof pairOf> => (first === undefined ? null : { matter, first, outcome });
    switch (kind) {
      case 'credential.confirmed':
        return of('enrolment', enrolledBy.get(details.thumbprint));
      case 'order.approved':
        return of('order', recordedBy.get(subject));
      case 'order.rejected':
        return of('order', recordedBy.get(subject), 'refused');
      case 'disclosure.requested':
        return of('request', recordedBy.get(details.orderId));
      case 'disclosure.refused':
        return of('request', recordedBy.get(details.orderId), 'refused');
      default:
        return null;
    }
  }
}

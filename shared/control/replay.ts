import { isDeepStrictEqual } from 'node:util';
import { decodeEntry, LedgerError } from '#shared/ledger';
import type { Regimes } from '#shared/orders';
import { checkPossession, validatePublicJwk } from '#shared/signed-request';
import type { EntryKind } from './details.ts';
import { type AnyControlEntry, asControlEntry, type ControlEntry, ControlError } from './entry.ts';
import { checkEvidence, type RecordedRequest } from './evidence.ts';
import { foldEntry } from './fold.ts';
import type { PatternAlarm } from './pattern-entries.ts';
import { rederive } from './rederive.ts';
import type { Rederived, Unknowable } from './rederived.ts';
import { type ControlState, type Credential, emptyState } from './state.ts';
import { type Verifier, verifierOf } from './verifier.ts';

/** An entry that the rules could not have written. */
export interface ReplayProblem {
  readonly code:
    | 'entry.unreadable'
    | 'entry.impossible'
    | 'entry.evidence'
    | 'entry.decision'
    | 'entry.case_file'
    | 'entry.revocation_list';
  readonly index: number;
  /** For a person; names the entry by its index, never what it says. */
  readonly sentence: string;
}

/** What could not be checked. `body`: whether the body that was signed is the one that took effect. */
export type Gap =
  | Unknowable
  | 'body'
  | 'case_file_missing'
  | 'case_file_locked'
  /** It was erased, and a later entry says so. */
  | 'case_file_erased'
  /** It was erased by a later entry, and is there all the same. */
  | 'case_file_not_erased'
  | 'revocation_list_missing'
  | 'other_rules'
  | 'clock';

/** What looking into the case files gave. `fault` ends the sentence "Entry 7 …". */
export type CaseFinding =
  | { readonly outcome: 'follows' }
  | { readonly outcome: 'gap'; readonly gap: Gap }
  | { readonly outcome: 'fault'; readonly fault: string };

/** Looks into the case files of an entry whose decision hangs on them. Asked before the entry is folded. */
export type CaseChecker = (
  state: ControlState,
  entry: AnyControlEntry,
  request: RecordedRequest,
) => Promise<CaseFinding>;

/** Looks into the revocation lists that an entry hangs on. Asked before the entry is folded. */
export type ListChecker = (state: ControlState, entry: AnyControlEntry) => Promise<CaseFinding>;

export interface ReplayReport {
  /** Entries that were replayed. */
  readonly entries: number;
  readonly counts: Readonly<Partial<Record<EntryKind, number>>>;
  /** Entries whose signed request was verified with the key that was enrolled for its actor. */
  readonly signaturesVerified: number;
  /** Entries that decide something, and whose decision was made again in full. */
  readonly decisionsRemade: number;
  /** Entries of which something could not be checked, by what, with the first ones' indexes. */
  readonly gaps: Readonly<
    Partial<Record<Gap, { readonly count: number; readonly first: readonly number[] }>>
  >;
  /** In the order of the entries; at most 100. */
  readonly problems: readonly ReplayProblem[];
}

/** How many, and the first ones' indexes. */
interface Tally {
  count: number;
  first: number[];
}

const bounds = { problems: 100, indexesPerGap: 10 } as const;

/** Kinds that carry no decision of the rules: only the fold has something to say of them. */
const undecided: ReadonlySet<EntryKind> = new Set<EntryKind>([
  'ledger.started',
  'ledger.voided',
  'configuration.changed',
  'ledger.key_rotated',
  'access.noise',
]);

/**
 * Replays a ledger: holds each entry against the state that the entries before it lead to, by the rules of
 * this version. Memory is that of the state, whatever the number of readings and refusals.
 */
export class Replay {
  readonly #state = emptyState();
  readonly #checkCase: CaseChecker | undefined;
  readonly #checkList: ListChecker | undefined;
  readonly #verifiers = new Map<string, Promise<Verifier>>();
  readonly #gaps = new Map<Gap, Tally>();
  /** Entries whose case files were looked for, by order: whether they had to be there, only later entries say. */
  readonly #lookedFor = new Map<string, Readonly<Record<'there' | 'missing', Tally>>>();
  readonly #regimes: Regimes | undefined;
  #problems: ReplayProblem[] = [];
  #signatures = 0;
  #decisions = 0;
  #latest = '';
  /** Alarms that were due and of which it was found that they are missing. */
  #missed: readonly PatternAlarm[] = [];
  #stopped = false;

  /** @param regimes by which grounds are judged; those of others are a gap */
  constructor(checkCase?: CaseChecker, regimes?: Regimes, checkList?: ListChecker) {
    this.#checkCase = checkCase;
    this.#checkList = checkList;
    this.#regimes = regimes;
  }

  /** The state that the entries so far lead to. */
  get state(): Readonly<ControlState> {
    return this.#state;
  }

  /**
   * Takes the next leaves. Nothing is replayed after a gap, or after an entry that could not be folded: what
   * follows it says nothing any more.
   * @param first index of the first of them
   */
  async take(leaves: readonly Uint8Array[], first: number): Promise<void> {
    const signatures: Promise<void>[] = [];
    for (const [i, bytes] of leaves.entries()) {
      if (this.#stopped || first + i !== this.#state.size || this.#problems.length >= bounds.problems) break;
      try {
        const entry = asControlEntry(first + i, decodeEntry(bytes));
        const signature = await this.#replay(entry);
        if (signature) signatures.push(signature);
      } catch (error) {
        this.#stop(first + i, error);
      }
    }
    // Side by side, because they need the state no more.
    await Promise.all(signatures);
  }

  report(): ReplayReport {
    return {
      entries: this.#state.size,
      counts: Object.fromEntries(this.#state.counts),
      signaturesVerified: this.#signatures,
      decisionsRemade: this.#decisions,
      gaps: Object.fromEntries(this.#allGaps()),
      problems: this.#problems.toSorted((a, b) => a.index - b.index).slice(0, bounds.problems),
    };
  }

  /** @returns the verification of the entry's signature, on its way, where there is one. */
  async #replay(entry: AnyControlEntry): Promise<Promise<void> | null> {
    const index = this.#state.size;
    const evidence = checkEvidence(this.#state, entry);
    const request = evidence.ok ? evidence.request : null;
    const problem = evidence.ok
      ? await this.#decide(entry, request)
      : { code: 'entry.evidence' as const, fault: evidence.fault };
    try {
      foldEntry(this.#state, entry);
    } catch (error) {
      // Found before the rules could say the same of it in general.
      if (problem?.code !== 'entry.evidence') throw error;
      this.#stopped = true;
    }
    if (problem) this.#found(problem.code, index, problem.fault);
    const audience = this.#state.configuration?.audience ?? '';
    const checks = [
      ...(request ? [this.#verify(request, index)] : []),
      ...(isNewKey(entry) ? [this.#verifyPossession(entry, audience, index)] : []),
    ];
    return checks.length === 0 ? null : Promise.all(checks).then(() => {});
  }

  async #decide(
    entry: AnyControlEntry,
    request: RecordedRequest | null,
  ): Promise<{ code: ReplayProblem['code']; fault: string } | null> {
    const index = this.#state.size;
    this.#lookForAlarms(entry, index);
    if (entry.at < this.#latest && !isDatedApart(entry)) this.#gap('clock', index);
    if (entry.at > this.#latest) this.#latest = entry.at;
    if (request?.body === 'elsewhere' && isChange(entry.kind)) this.#gap('body', index);
    const decision: Rederived = rederive(this.#state, entry, request, this.#regimes);
    if (decision.outcome === 'contradicts') return { code: 'entry.decision', fault: decision.fault };
    if (decision.outcome === 'unknowable') {
      if (decision.why === 'revocation_list' && this.#checkList) {
        const finding = await this.#checkList(this.#state, entry);
        if (finding.outcome === 'fault') return { code: 'entry.revocation_list', fault: finding.fault };
        if (finding.outcome === 'gap') this.#gap(finding.gap, index);
        else this.#decisions++;
        return null;
      }
      if (decision.why !== 'case_file' || !this.#checkCase || !request) {
        this.#gap(decision.why, index);
        return null;
      }
      const finding = await this.#checkCase(this.#state, entry, request);
      this.#looked(entry, index, finding);
      if (finding.outcome === 'fault') return { code: 'entry.case_file', fault: finding.fault };
      if (finding.outcome === 'gap') {
        if (finding.gap !== 'case_file_missing') this.#gap(finding.gap, index);
        return null;
      }
    }
    if (!undecided.has(entry.kind)) this.#decisions++;
    return null;
  }

  /** An alarm that is due is the next entry: once another one comes, it was left out. */
  #lookForAlarms({ kind }: AnyControlEntry, index: number): void {
    const { alarmsDue } = this.#state;
    const mayCome = kind === 'pattern.alarm' || kind === 'ledger.voided' || kind === 'ledger.key_rotated';
    if (alarmsDue.length === 0 || mayCome || alarmsDue === this.#missed) return;
    this.#missed = alarmsDue;
    this.#found('entry.decision', index, 'comes where an alarm on a pattern was due, and none was raised');
  }

  async #verify({ credential, jws }: RecordedRequest, index: number): Promise<void> {
    const verify = await this.#verifierOf(credential);
    if (await verify(jws)) this.#signatures++;
    else this.#found('entry.evidence', index, "carries a request that its actor's key did not sign");
  }

  /** The key that an entry enrols signed for that itself, before it was. */
  async #verifyPossession({ at, details }: NewKeyEntry, audience: string, index: number): Promise<void> {
    const { possession, publicKey, algorithm, credentialId, passkey } = details;
    if (possession === undefined) return;
    const key = await validatePublicJwk(publicKey, algorithm);
    const enrolment = { credentialId, audience, nowSeconds: Math.floor(Date.parse(at) / 1000) };
    const proven = key.ok ? await checkPossession(possession, key, enrolment) : null;
    if (proven === null || !isDeepStrictEqual(proven.passkey, passkey))
      this.#found('entry.evidence', index, 'enrols a key whose holder did not sign for it');
  }

  /** By the enrolled key, imported once: a thumbprint is enrolled once, so that it names one key for ever. */
  #verifierOf(credential: Credential): Promise<Verifier> {
    const known = this.#verifiers.get(credential.thumbprint);
    if (known) return known;
    const made = verifierOf(credential);
    this.#verifiers.set(credential.thumbprint, made);
    return made;
  }

  #found(code: ReplayProblem['code'], index: number, fault: string): void {
    this.#problems.push({ code, index, sentence: `Entry ${index} ${fault}.` });
  }

  #gap(gap: Gap, index: number): void {
    const found = this.#gaps.get(gap) ?? { count: 0, first: [] };
    count(found, index);
    this.#gaps.set(gap, found);
  }

  #looked(entry: AnyControlEntry, index: number, finding: CaseFinding): void {
    const orderId = 'orderId' in entry.details ? entry.details.orderId : (entry.subject ?? '');
    const order = this.#lookedFor.get(orderId) ?? {
      there: { count: 0, first: [] },
      missing: { count: 0, first: [] },
    };
    const isMissing = finding.outcome === 'gap' && finding.gap === 'case_file_missing';
    count(order[isMissing ? 'missing' : 'there'], index);
    this.#lookedFor.set(orderId, order);
  }

  /** With what only the whole ledger says of case files: lost, erased, or left where they should be gone. */
  #allGaps(): ReadonlyMap<Gap, Tally> {
    const gaps = new Map(this.#gaps);
    const add = (gap: Gap, { count: more, first }: Tally): void => {
      if (more === 0) return;
      const found = gaps.get(gap) ?? { count: 0, first: [] };
      const indexes = [...found.first, ...first].sort((a, b) => a - b).slice(0, bounds.indexesPerGap);
      gaps.set(gap, { count: found.count + more, first: indexes });
    };
    for (const [orderId, { there, missing }] of this.#lookedFor) {
      const isErased = this.#state.orders.get(orderId)?.erasedAt !== undefined;
      add(isErased ? 'case_file_erased' : 'case_file_missing', missing);
      if (isErased) add('case_file_not_erased', there);
    }
    return gaps;
  }

  #stop(index: number, error: unknown): void {
    this.#stopped = true;
    if (error instanceof ControlError) {
      const sentence = `${error.message[0]?.toUpperCase()}${error.message.slice(1)}.`;
      this.#problems.push({ code: 'entry.impossible', index, sentence });
    } else if (error instanceof LedgerError) {
      this.#found('entry.unreadable', index, 'is no entry of a known version');
    } else throw error;
  }
}

function count(tally: Tally, index: number): void {
  tally.count++;
  if (tally.first.length < bounds.indexesPerGap) tally.first.push(index);
}

/**
 * A minute's noise is dated before its turn comes, and nothing hangs on that time; a refusal for the clock
 * has the clock's own reading, which `rederive` holds against the ledger. What is void has the time of the
 * entry before it, whichever that was.
 */
function isDatedApart(entry: AnyControlEntry): boolean {
  return (
    entry.kind === 'access.noise' ||
    entry.kind === 'ledger.voided' ||
    (entry.kind === 'access.refused' && entry.details.code === 'clock.set_back')
  );
}

type NewKeyEntry = ControlEntry<'credential.enrolled'> | ControlEntry<'credential.rotated'>;

const isNewKey = (entry: AnyControlEntry): entry is NewKeyEntry =>
  entry.kind === 'credential.enrolled' || entry.kind === 'credential.rotated';

/** Kinds whose body decides what took effect, and is neither in the entry in full nor in a case file. */
function isChange(kind: EntryKind): boolean {
  if (kind === 'order.recorded' || kind === 'order.amended') return false;
  if (kind === 'hold.extended' || kind === 'hold.lifted') return true;
  return kind === 'case.erased' || kind.startsWith('credential.') || kind.startsWith('order.');
}

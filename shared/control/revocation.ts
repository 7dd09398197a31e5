import type { Revocation } from '#shared/certificates';
import type { Decision } from './decision.ts';
import type { RevocationPolicy, RevokedCredential, TakenList } from './revocation-entries.ts';
import { maxRevokedAtOnce } from './revocation-entries.ts';
import type { ControlState, Credential } from './state.ts';

/*
 * Revocation lists in use, and what they mean for credentials with certificates. Certificates are judged as
 * of receipt by what was in use then: a list acts from its entry on, whatever dates it names. One that is
 * revoked for good ends its credential with that entry, for ever; one on hold holds it while it is on the
 * list in use.
 */

/** The list of an authority that is in use. */
export interface ListInUse extends Omit<TakenList, 'authority' | 'revoked'> {
  readonly takenAt: string;
  /** Ledger index of the entry. */
  readonly index: number;
  /** Credentials that lists of this authority have ended so far. */
  readonly ended: number;
  /** Thumbprints of the credentials on hold. */
  readonly held: readonly string[];
}

export type ListRule =
  | 'revocation_list.not_configured'
  | 'revocation_list.not_trusted'
  | 'revocation_list.not_yet'
  | 'revocation_list.older'
  | 'revocation_list.in_use';

type Lists = Pick<ControlState, 'configuration' | 'credentials' | 'revocationLists'>;

/**
 * Whether this list takes the place of what is in use. A stale one may, where it is newer: what it revokes is
 * revoked, and nothing else is good by it. The same one again goes on with what its entry had no room for.
 */
export function decideList(state: Lists, list: TakenList, at: string): Decision<unknown, ListRule> {
  const refuse = (code: ListRule) => ({ ok: false, code }) as const;
  const { configuration } = state;
  if (configuration?.revocation === undefined) return refuse('revocation_list.not_configured');
  const anchor = list.certificates.at(-1) ?? '';
  if (!(configuration.anchors ?? []).includes(anchor)) return refuse('revocation_list.not_trusted');
  if (list.thisUpdate > at) return refuse('revocation_list.not_yet');
  const inUse = state.revocationLists.get(list.authority);
  if (inUse === undefined) return { ok: true };
  if (inUse.sha256 === list.sha256) return inUse.more ? { ok: true } : refuse('revocation_list.in_use');
  const isNewer = isGreater(list.number, inUse.number) && list.thisUpdate >= inUse.thisUpdate;
  return isNewer ? { ok: true } : refuse('revocation_list.older');
}

/** Of two numbers in hexadecimal without leading zeros. */
function isGreater(one: string, other: string): boolean {
  return one.length === other.length ? one > other : one.length > other.length;
}

/** Ids of the certificates of an authority that credentials have which were not ended. */
export function certificatesUnder(
  { credentials }: Pick<ControlState, 'credentials'>,
  authority: string,
): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const credential of credentials.values()) {
    if (credential.revokedAt !== undefined) continue;
    for (const link of linksUnder(credential, authority)) ids.add(link.id);
  }
  return ids;
}

const linksUnder = ({ certificate }: Credential, authority: string) =>
  certificate?.links?.filter(({ issuer }) => issuer === authority) ?? [];

/**
 * What taking a list does to credentials: those with a certificate on it that it has not ended or held yet, in
 * the order of their thumbprints, and in as many parts as it needs entries.
 * @param found of the certificates on it, by id
 */
export function revokedBy(
  state: Lists,
  { authority, sha256 }: Pick<TakenList, 'authority' | 'sha256'>,
  found: ReadonlyMap<string, Revocation>,
): readonly Pick<TakenList, 'revoked' | 'more'>[] {
  const inUse = state.revocationLists.get(authority);
  const held = new Set(inUse?.sha256 === sha256 ? inUse.held : []);
  const revoked: RevokedCredential[] = [];
  for (const credential of state.credentials.values()) {
    const { thumbprint } = credential;
    if (credential.revokedAt !== undefined || held.has(thumbprint)) continue;
    const revocation = worst(linksUnder(credential, authority).flatMap(({ id }) => found.get(id) ?? []));
    if (revocation) revoked.push({ thumbprint, ...revocation });
  }
  revoked.sort((a, b) => (a.thumbprint < b.thumbprint ? -1 : 1));
  const count = Math.max(1, Math.ceil(revoked.length / maxRevokedAtOnce));
  return Array.from({ length: count }, (_, i) => ({
    revoked: revoked.slice(i * maxRevokedAtOnce, (i + 1) * maxRevokedAtOnce),
    ...(i < count - 1 ? { more: true as const } : {}),
  }));
}

const isHold = ({ reason }: Pick<Revocation, 'reason'>): boolean => reason === 'certificate_hold';

/** What is for good goes before what is on hold, where two certificates of one chain are on one list. */
function worst(revocations: readonly Revocation[]): Revocation | undefined {
  return revocations.find((revocation) => !isHold(revocation)) ?? revocations[0];
}

export type RevocationStanding =
  | { readonly ok: true }
  /** `unknown`: there is no current list of an authority that must have one. */
  | { readonly ok: false; readonly why: 'held' | 'unknown' };

/** How a credential stands at `at`, as far as lists are concerned. One that is revoked for good has ended. */
export function revocationStanding(
  state: Lists,
  { thumbprint, certificate }: Pick<Credential, 'thumbprint' | 'certificate'>,
  at: string,
): RevocationStanding {
  if (certificate === undefined || state.configuration?.revocation === undefined) return { ok: true };
  const { links } = certificate;
  // Enrolled by an earlier version: nobody can say on whose lists it would be.
  if (links === undefined) return { ok: false, why: 'unknown' };
  const isHeld = links.some(({ issuer }) => state.revocationLists.get(issuer)?.held.includes(thumbprint));
  if (isHeld) return { ok: false, why: 'held' };
  const areKnown = links.every(({ issuer }) => listStanding(state, issuer, at) !== 'missing');
  return areKnown ? { ok: true } : { ok: false, why: 'unknown' };
}

/**
 * Whether an authority's certificates can be looked up at `at`. `missing`: they would have to be, and there is
 * no list, or it has run out. `not_asked`: there is none, and none is required.
 */
export function listStanding(
  { configuration, revocationLists }: Lists,
  authority: string,
  at: string,
): 'current' | 'missing' | 'not_asked' {
  const list = revocationLists.get(authority);
  if (list !== undefined) return at <= list.nextUpdate && !list.more ? 'current' : 'missing';
  return isRequired(configuration?.revocation, authority) ? 'missing' : 'not_asked';
}

function isRequired(policy: RevocationPolicy | undefined, authority: string): boolean {
  return policy?.required === 'all' || (policy?.required.includes(authority) ?? false);
}

/** @returns the list and the credentials as they are once it was taken; null where it could not do that. */
export function withList(
  { credentials, revocationLists }: Lists,
  { authority, revoked, ...list }: TakenList,
  at: string,
  index: number,
): { readonly list: ListInUse; readonly ended: readonly Credential[] } | null {
  const inUse = revocationLists.get(authority);
  const held = inUse?.sha256 === list.sha256 ? [...inUse.held] : [];
  const ended: Credential[] = [];
  for (const [i, revocation] of revoked.entries()) {
    const credential = credentials.get(revocation.thumbprint);
    // In their order, each once: see `revokedBy`.
    if (i > 0 && revocation.thumbprint <= (revoked[i - 1]?.thumbprint ?? '')) return null;
    const isTheirs = credential && linksUnder(credential, authority).length > 0;
    if (!isTheirs || credential.revokedAt !== undefined) return null;
    if (isHold(revocation)) held.push(revocation.thumbprint);
    else ended.push({ ...credential, revokedAt: at, revokedBy: list.sha256 });
  }
  const endedSoFar = (inUse?.ended ?? 0) + ended.length;
  return { list: { ...list, takenAt: at, index, ended: endedSoFar, held }, ended };
}

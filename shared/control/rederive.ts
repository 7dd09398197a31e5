import { proofRememberSeconds } from '#shared/signed-request';
import { decideCancellation, isForeign } from './cancellation.ts';
import { decideApproval, decideClock, decideOrderReading, decideRelease, decideUse } from './decide.ts';
import type { AnyControlEntry, ControlEntry } from './entry.ts';
import { decideErasure } from './erasure.ts';
import type { RecordedRequest } from './evidence.ts';
import { type ControlState, type Credential, credentialIsActive } from './state.ts';

/** Why a part of an entry's decision cannot be made again from the ledger alone. */
export type Unknowable =
  /** It hangs on what an order or a request says, which is in a case file. */
  | 'case_file'
  /** A refusal whose request is not kept, because its URL or body might have named somebody. */
  | 'no_request'
  /** A refusal for what is outside the ledger: the form of a body, a file, the store. */
  | 'outside'
  /** A reason or a route that this version does not know. */
  | 'unknown_rule';

export type Rederived =
  | { readonly outcome: 'follows' }
  | { readonly outcome: 'unknowable'; readonly why: Unknowable }
  /** Ends the sentence "Entry 7 …". Names codes, never a value. */
  | { readonly outcome: 'contradicts'; readonly fault: string };

const unborne = (code: string): string =>
  `refuses for a reason (${code}) that the entries before it do not bear out`;
const follows: Rederived = { outcome: 'follows' };
const unknowable = (why: Unknowable): Rederived => ({ outcome: 'unknowable', why });
const contradicts = (fault: string): Rederived => ({ outcome: 'contradicts', fault });

/**
 * Makes an entry's decision again, from the entries before it, its signed request and its clock reading,
 * with the functions by which the service decided. Asked before the entry is folded; `foldEntry` holds the
 * entry to the rest of the rules.
 * @param request of `checkEvidence`; null where the entry carries none
 */
export function rederive(
  state: ControlState,
  entry: AnyControlEntry,
  request: RecordedRequest | null,
): Rederived {
  if (state.size === 0 && entry.kind !== 'ledger.started') return contradicts("is not a ledger's first");
  // See `isDatedApart` of the replay for the two kinds that are told, and not decided.
  const clock = entry.kind === 'access.noise' ? null : decideClock(state, entry.at);
  const isForClock = entry.kind === 'access.refused' && entry.details.code === 'clock.set_back';
  if (isForClock) return clock?.ok ? contradicts(unborne('clock.set_back')) : follows;
  if (clock?.ok === false) return contradicts('was decided under a clock that read earlier than the ledger');
  if (entry.kind === 'access.refused') return rederiveRefusal(state, entry, request);
  if (request !== null) {
    const { credential, route } = request;
    const roles = entry.kind === 'access.granted' ? route.roles : [credential.role];
    const use = decideUse(state, useOf(request), roles, entry.at);
    if (!use.ok) return contradicts(`was allowed, and the rules refuse it (${use.code})`);
  }
  switch (entry.kind) {
    case 'access.granted':
      return request === null ? follows : rederiveReading(state, entry.at, request);
    case 'credential.enrolled':
    case 'credential.revoked':
      return entry.subject === entry.details.thumbprint
        ? follows
        : contradicts('is about another credential than it says');
    case 'order.recorded':
      return ['order', 'document', 'request'].every((name) => entry.commitments?.[name] !== undefined)
        ? unknowable('case_file')
        : contradicts('commits to no order, document and request');
    case 'order.approved':
    case 'order.rejected': {
      const decision = request && decideApproval(state, entry.subject ?? '', request.credential, entry.at);
      return decision?.ok === false
        ? contradicts(`decides on an order that could not be decided on (${decision.code})`)
        : follows;
    }
    case 'case.erased': {
      const decision = request && decideErasure(state, entry.subject ?? '', request.credential, entry.at);
      return decision?.ok === false
        ? contradicts(`erases a case that could not be erased (${decision.code})`)
        : follows;
    }
    case 'disclosure.requested': {
      const release = decideRelease(state, entry.details.orderId, entry.at);
      if (!release.ok) return contradicts(`was allowed, and the rules refuse it (${release.code})`);
      return entry.commitments?.request === undefined
        ? contradicts('commits to no request')
        : unknowable('case_file');
    }
    case 'disclosure.refused':
      return rederiveDisclosureRefusal(state, entry);
    case 'disclosure.released': {
      const release = decideRelease(state, entry.details.orderId, entry.at);
      if (!release.ok) return contradicts(`releases, and the rules refuse it (${release.code})`);
      return ofItsOrder(state, entry);
    }
    case 'disclosure.failed':
    case 'disclosure.interrupted':
      return ofItsOrder(state, entry);
    case 'disclosure.cancelled': {
      const decision = request && decideCancellation(state, entry.subject ?? '', request.credential);
      return decision?.ok === false
        ? contradicts(`cancels a disclosure that could not be cancelled (${decision.code})`)
        : ofItsOrder(state, entry);
    }
    case 'disclosure.collected': {
      const disclosure = state.disclosures.get(entry.subject ?? '');
      if (!disclosure?.released) return contradicts('collects a package that was not released');
      return disclosure.requestedBy.personId === request?.credential.personId
        ? follows
        : contradicts('collects a package that another officer asked for');
    }
    default:
      return follows;
  }
}

const useOf = ({ credential, claims }: RecordedRequest) => ({
  kid: credential.thumbprint,
  jti: claims.jti,
  issuedAt: claims.iat,
});

function ofItsOrder(
  state: ControlState,
  entry: ControlEntry<`disclosure.${'released' | 'failed' | 'interrupted' | 'cancelled'}`>,
): Rederived {
  const disclosure = state.disclosures.get(entry.subject ?? '');
  return disclosure && disclosure.orderId !== entry.details.orderId
    ? contradicts('names another order than its request')
    : follows;
}

/** Readings that open an order's case. */
const readsContents: ReadonlySet<string> = new Set(
  ['', '/document', '/estimate'].map((end) => `/v1/orders/:orderId${end}`),
);

/** What was read was there, and whoever read it might. */
function rederiveReading(
  state: ControlState,
  at: string,
  { credential, params, route, routeKnown }: RecordedRequest,
): Rederived {
  if (!routeKnown) return unknowable('unknown_rule');
  const { orderId, disclosureId } = params;
  if (orderId !== undefined && !decideOrderReading(state, orderId, credential, at).ok) {
    return contradicts('reads an order that was not recorded, or not for its reader');
  }
  const isErased = orderId !== undefined && state.orders.get(orderId)?.erasedAt !== undefined;
  if (isErased && readsContents.has(route.path)) return contradicts('reads an order whose case was erased');
  if (disclosureId === undefined) return follows;
  const disclosure = state.disclosures.get(disclosureId);
  return disclosure && !isForeign(disclosure, credential)
    ? follows
    : contradicts('reads a disclosure that was not requested, or by another officer');
}

function rederiveDisclosureRefusal(
  state: ControlState,
  { at, details, commitments }: ControlEntry<'disclosure.refused'>,
): Rederived {
  const { orderId, codes } = details;
  const release = decideRelease(state, orderId, at);
  if (!release.ok) {
    return codes.length === 1 && codes[0] === release.code
      ? follows
      : contradicts(`refuses for another reason than the rules do (${release.code})`);
  }
  if (!codes.every((code) => code.startsWith('scope.'))) {
    return contradicts('refuses for a reason that the entries before it do not bear out');
  }
  return commitments?.request === undefined ? contradicts('commits to no request') : unknowable('case_file');
}

function rederiveRefusal(
  state: ControlState,
  { at, details }: ControlEntry<'access.refused'>,
  request: RecordedRequest | null,
): Rederived {
  const { code } = details;
  if (request === null) return unknowable('no_request');
  const verdict = refusalHolds(state, at, code, request);
  if (typeof verdict !== 'boolean') return unknowable(verdict);
  return verdict ? follows : contradicts(unborne(code));
}

function refusalHolds(
  state: ControlState,
  at: string,
  code: string,
  request: RecordedRequest,
): boolean | Unknowable {
  const { credential, claims, route, routeKnown } = request;
  const seconds = Math.floor(Date.parse(at) / 1000);
  const isStale = seconds > claims.iat + proofRememberSeconds;
  switch (code) {
    case 'proof.key_revoked':
      return credential.revokedAt !== undefined;
    case 'proof.key_expired': {
      // Judged when the request came, recorded when its turn came.
      const earlier = new Date((seconds - proofRememberSeconds) * 1000).toISOString();
      const { revokedAt: _, ...unrevoked } = credential;
      return !credentialIsActive(unrevoked, at) || !credentialIsActive(unrevoked, earlier);
    }
    case 'proof.replayed':
      // Once stale, the copy that used it up may have been forgotten while this one waited.
      return state.usedProofs.has(`${credential.thumbprint} ${claims.jti}`) || (isStale && 'outside');
    case 'proof.stale':
      return isStale;
    case 'access.role':
      return routeKnown ? !route.roles.includes(credential.role) : 'unknown_rule';
    default: {
      const holds = stepRefusalHolds(state, at, code, request);
      // Such a refusal comes only after the use of the request was allowed.
      return holds === true ? decideUse(state, useOf(request), route.roles, at).ok : holds;
    }
  }
}

/** Codes of steps that were refused for the state that they found. */
function stepRefusalHolds(
  state: ControlState,
  at: string,
  code: string,
  request: RecordedRequest,
): boolean | Unknowable {
  const { credential, params, route } = request;
  const { orderId, disclosureId, thumbprint } = params;
  const isDecision = route.kind === 'order.approved' || route.kind === 'order.rejected';
  if (orderId !== undefined && code.startsWith('order.')) {
    if (route.kind === 'case.erased' && code !== 'order.case_file') {
      const decision = decideErasure(state, orderId, credential, at);
      return !decision.ok && decision.code === code;
    }
    if (code === 'order.erased') return state.orders.get(orderId)?.erasedAt !== undefined;
    if (isDecision && code !== 'order.case_file') {
      const decision = decideApproval(state, orderId, credential, at);
      return !decision.ok && decision.code === code;
    }
    return code === 'order.unknown' ? !decideOrderReading(state, orderId, credential, at).ok : 'outside';
  }
  if (disclosureId !== undefined) {
    const disclosure = state.disclosures.get(disclosureId);
    if (code === 'disclosure.unknown') return disclosure === undefined;
    if (code === 'disclosure.not_yours') return disclosure !== undefined && isForeign(disclosure, credential);
    if (code === 'disclosure.ended')
      return disclosure !== undefined && disclosure.status !== 'AwaitingDisclosure';
    if (code === 'disclosure.cancelled') return disclosure?.status === 'Cancelled';
    if (code === 'disclosure.failed') return disclosure?.status === 'Error';
    if (code === 'disclosure.package_removed') return disclosure?.packageRemovedAt !== undefined;
    // Released, and not yet sealed: only the package's folder knows.
    if (code === 'disclosure.not_ready') return disclosure?.released ? 'outside' : disclosure !== undefined;
  }
  if (thumbprint !== undefined) {
    const other = state.credentials.get(thumbprint);
    if (code === 'credential.unknown') return other === undefined;
    if (code === 'credential.revoked') return other?.revokedAt !== undefined;
    if (code === 'credential.last_administrator')
      return other !== undefined && isLastAdministrator(state, other, at);
  }
  return 'outside';
}

/** Whether nobody could enrol or revoke any more without this credential. */
export function isLastAdministrator(state: ControlState, credential: Credential, at: string): boolean {
  if (credential.role !== 'administrator') return false;
  return ![...state.credentials.values()].some(
    (other) => other.role === 'administrator' && other !== credential && credentialIsActive(other, at),
  );
}

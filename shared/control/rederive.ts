import type { Regimes } from '#shared/orders';
import { proofRememberSeconds } from '#shared/signed-request';
import { decideCancellation, isForeign } from './cancellation.ts';
import { decideClock, decideOrderReading, decideUse, isAnchored } from './decide.ts';
import { holdsAreCopied, isHoldScopeReadable, readableHolds } from './decide-hold.ts';
import { decideCollection, decideRelease } from './decide-release.ts';
import { decideConfirmation, decideCredentialRevocation } from './enrolment.ts';
import type { AnyControlEntry, ControlEntry } from './entry.ts';
import { decideErasure } from './erasure.ts';
import type { RecordedRequest } from './evidence.ts';
import { isOrderEntry } from './fold-order.ts';
import { isDueAlarm } from './pattern-alarms.ts';
import { holdsForLists, ofItsCredential, rederiveEnrolment } from './rederive-credential.ts';
import { rederiveOrder } from './rederive-order.ts';
import { holdRefusalHolds, orderRefusalHolds } from './rederive-order-refusal.ts';
import { contradicts, follows, type Rederived, type Unknowable, unknowable } from './rederived.ts';
import { decideList } from './revocation.ts';
import { type ControlState, isInValidity } from './state.ts';

const unborne = (code: string): string =>
  `refuses for a reason (${code}) that the entries before it do not bear out`;

/**
 * Makes an entry's decision again, from the entries before it, its signed request and its clock reading,
 * with the functions by which the service decided. Asked before the entry is folded; `foldEntry` holds the
 * entry to the rest of the rules.
 * @param request of `checkEvidence`; null where the entry carries none
 * @param regimes in force where it is asked; grounds of others cannot be judged
 */
export function rederive(
  state: ControlState,
  entry: AnyControlEntry,
  request: RecordedRequest | null,
  regimes?: Regimes,
): Rederived {
  if (state.size === 0 && entry.kind !== 'ledger.started') return contradicts("is not a ledger's first");
  // See `isDatedApart` of the replay for the kinds that are told, and not decided.
  if (entry.kind === 'ledger.voided') return rederiveVoid(state, entry);
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
  if (isOrderEntry(entry)) return rederiveOrder(state, entry, request, regimes);
  switch (entry.kind) {
    case 'access.granted':
      return request === null ? follows : rederiveReading(state, entry.at, request);
    case 'credential.enrolled':
      return rederiveEnrolment(state, entry);
    case 'revocation_list.taken': {
      const decision = decideList(state, entry.details, entry.at);
      return decision.ok
        ? unknowable('revocation_list')
        : contradicts(`takes a revocation list that the rules refuse (${decision.code})`);
    }
    case 'credential.confirmed':
    case 'credential.rotated':
    case 'credential.revoked':
      return ofItsCredential(entry);
    case 'pattern.alarm':
      return isDueAlarm(state, entry.details)
        ? follows
        : contradicts('raises an alarm on a pattern that was not due');
    case 'case.erased': {
      const decision = request && decideErasure(state, entry.subject ?? '', request.credential, entry.at);
      return decision?.ok === false
        ? contradicts(`erases a case that could not be erased (${decision.code})`)
        : follows;
    }
    case 'disclosure.requested': {
      const { orderId, orderVersion: version } = entry.details;
      const release = decideRelease(state, { orderId, version }, entry.at);
      if (!release.ok) return contradicts(`was allowed, and the rules refuse it (${release.code})`);
      if (entry.details.whole && !holdsAreCopied(state, release.order, entry.at))
        return contradicts('says that it asks for all that is held, which was not copied');
      return entry.commitments?.request === undefined
        ? contradicts('commits to no request')
        : unknowable('case_file');
    }
    case 'disclosure.refused':
      return rederiveDisclosureRefusal(state, entry);
    case 'disclosure.released': {
      const { orderId } = entry.details;
      const version = state.disclosures.get(entry.subject ?? '')?.orderVersion ?? 0;
      const release = decideRelease(state, { orderId, version }, entry.at);
      if (!release.ok) return contradicts(`releases, and the rules refuse it (${release.code})`);
      const readable = readableHolds(state, release.order, entry.at).map((hold) => hold.orderId);
      if (entry.details.holds?.some((id) => !readable.includes(id)))
        return contradicts('reads a hold that it may not read');
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
      const { orderId, orderVersion: version, requestedBy } = disclosure;
      if (requestedBy.personId !== request?.credential.personId) {
        return contradicts('collects a package that another officer asked for');
      }
      const collection = decideCollection(state, { orderId, version }, entry.at);
      return collection.ok
        ? follows
        : contradicts(`was allowed, and the rules refuse it (${collection.code})`);
    }
    default:
      return follows;
  }
}

/** Whether the record came where the tree was no longer the one that it was decided on. */
function rederiveVoid({ size }: ControlState, { details }: ControlEntry<'ledger.voided'>): Rederived {
  const { reason, after, leaf } = details;
  const isDecision = reason === 'overtaken' || reason === 'repeated';
  if (!isDecision) return follows;
  if (after === undefined || leaf === undefined) return contradicts('is void and does not say of what');
  return after < size ? follows : contradicts('is void, and nothing came in between');
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
  if (credential.role === 'retention' && orderId !== undefined) {
    return isHoldScopeReadable(state, orderId, at)
      ? follows
      : contradicts('reads what an order holds which holds nothing');
  }
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
  const { orderId, orderVersion: version = 1, codes } = details;
  const release = decideRelease(state, { orderId, version }, at);
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
  // Judged when the request came, recorded when its turn came.
  const earlier = new Date((seconds - proofRememberSeconds) * 1000).toISOString();
  switch (code) {
    case 'proof.key_revoked':
      return credential.revokedAt !== undefined;
    case 'proof.key_unconfirmed':
      return credential.pending !== undefined || (credential.confirmedAt ?? '') >= earlier;
    case 'proof.key_expired':
      return !isInValidity(credential, at) || !isInValidity(credential, earlier);
    case 'proof.certificate':
      return !isAnchored(state, credential);
    case 'proof.certificate_held':
    case 'proof.revocation_unknown':
      return holdsForLists(state, at, credential, { code, earlier });
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
  const isAboutHold = route.kind === 'hold.extended' || route.kind === 'hold.lifted';
  if (orderId !== undefined && isAboutHold && /^(hold|order)\./.test(code)) {
    return holdRefusalHolds(state, at, { orderId, code, kind: route.kind, credential });
  }
  if (orderId !== undefined && code.startsWith('order.')) {
    return orderRefusalHolds(state, at, { orderId, code, kind: route.kind, credential });
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
    if (code.startsWith('order.') && disclosure) {
      const { orderId: of, orderVersion: version } = disclosure;
      const collection = decideCollection(state, { orderId: of, version }, at);
      return !collection.ok && collection.code === code;
    }
    // Released, and not yet sealed: only the package's folder knows.
    if (code === 'disclosure.not_ready') return disclosure?.released ? 'outside' : disclosure !== undefined;
  }
  if (thumbprint !== undefined) {
    // What a confirmation said of person and role is in its body, which a refusal does not keep.
    if (code === 'credential.confirmation_differs') return 'outside';
    const decision =
      route.kind === 'credential.confirmed'
        ? decideConfirmation(state, thumbprint, credential)
        : decideCredentialRevocation(state, thumbprint, at);
    if (code.startsWith('credential.')) return !decision.ok && decision.code === code;
  }
  return 'outside';
}

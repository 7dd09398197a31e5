import { narrowScope, type Order, type RequestedScope, type Scope, type ScopeRefusal } from '#shared/orders';
import { type ProofRefusalCode, proofRememberSeconds } from '#shared/signed-request';
import { decideRelease, type NamedOrder, type ReleaseRefusal, releaseRefusal } from './decide-release.ts';
import type { Decision } from './decision.ts';
import type { OrderState } from './order-state.ts';
import { revocationStanding } from './revocation.ts';
import type { Role } from './roles.ts';
import { type ControlState, type Credential, credentialIsActive } from './state.ts';

/*
 * The decisions. Each is a pure function of the state (a fold over the ledger's prefix), the case file, the
 * request and the clock reading that goes into the entry, so that replaying the ledger gives it again.
 */

export type AccessRefusal =
  | Extract<
      ProofRefusalCode,
      | 'proof.key_unknown'
      | 'proof.key_revoked'
      | 'proof.key_unconfirmed'
      | 'proof.key_expired'
      | 'proof.certificate'
      | 'proof.certificate_held'
      | 'proof.revocation_unknown'
      | 'proof.replayed'
      | 'proof.stale'
    >
  | 'access.role';

/** How far the clock may read behind the ledger: what time daemons correct by stepping. */
const clockToleranceMs = 5_000;

/**
 * The time under which a step is decided and recorded: the clock's, and never before the latest time that
 * the ledger bears out, so that nothing which ended there begins again. A clock further behind than the
 * tolerance decides nothing: an expired order would be in force again, and a used request usable.
 * @param reading of the service's clock, RFC 3339 UTC
 */
export function decideClock(
  state: Pick<ControlState, 'believedAt'>,
  reading: string,
): Decision<{ at: string }, 'clock.set_back'> {
  const { believedAt } = state;
  if (reading >= believedAt) return { ok: true, at: reading };
  if (Date.parse(believedAt) - Date.parse(reading) <= clockToleranceMs) return { ok: true, at: believedAt };
  return { ok: false, code: 'clock.set_back' };
}

/** The credential that a key id names, if it may act at `at`. */
export function decideCredential(
  state: ControlState,
  kid: string,
  at: string,
): Decision<{ credential: Credential }, AccessRefusal> {
  const credential = state.credentials.get(kid);
  if (!credential) return { ok: false, code: 'proof.key_unknown' };
  if (credential.revokedAt !== undefined) return { ok: false, code: 'proof.key_revoked' };
  if (credential.pending !== undefined) return { ok: false, code: 'proof.key_unconfirmed' };
  if (!credentialIsActive(credential, at)) return { ok: false, code: 'proof.key_expired' };
  if (!isAnchored(state, credential)) return { ok: false, code: 'proof.certificate' };
  const standing = revocationStanding(state, credential, at);
  if (!standing.ok) {
    return {
      ok: false,
      code: standing.why === 'held' ? 'proof.certificate_held' : 'proof.revocation_unknown',
    };
  }
  return { ok: true, credential };
}

/** Whether a credential with a certificate still has its anchor. Its validity ends with the certificate's. */
export function isAnchored({ configuration }: ControlState, { certificate }: Credential): boolean {
  return certificate === undefined || (configuration?.anchors ?? []).includes(certificate.anchorSha256);
}

/** Whether a verified proof may be used now, for a route of these roles. Asked in ledger order. */
export function decideAccess(
  state: ControlState,
  proof: { readonly kid: string; readonly jti: string },
  allowed: readonly Role[],
  at: string,
): Decision<{ credential: Credential }, AccessRefusal> {
  const found = decideCredential(state, proof.kid, at);
  if (!found.ok) return found;
  if (state.usedProofs.has(`${proof.kid} ${proof.jti}`)) return { ok: false, code: 'proof.replayed' };
  if (!allowed.includes(found.credential.role)) return { ok: false, code: 'access.role' };
  return found;
}

/**
 * `decideAccess` for a proof that was verified some time before: while it waited for its turn, the copy that
 * used it up may have been forgotten. Stale is exactly what is no longer remembered.
 * @param proof `issuedAt` is its `iat`, seconds since the epoch
 */
export function decideUse(
  state: ControlState,
  proof: { readonly kid: string; readonly jti: string; readonly issuedAt: number },
  allowed: readonly Role[],
  at: string,
): Decision<{ credential: Credential }, AccessRefusal> {
  const nowSeconds = Math.floor(Date.parse(at) / 1000);
  if (nowSeconds > proof.issuedAt + proofRememberSeconds) return { ok: false, code: 'proof.stale' };
  return decideAccess(state, proof, allowed, at);
}

const seesAllOrders: ReadonlySet<Role> = new Set<Role>(['registrar', 'reviewer', 'auditor']);

/**
 * The orders that this credential's person needs to know now, oldest first. Registrars and reviewers handle
 * all of them, and auditors see how each stands. An officer sees those under which anything may be asked for
 * now, and those under which they asked themselves: an order names no officers, so that these are the ones
 * they can have to do with.
 */
export function readableOrders(
  state: Pick<ControlState, 'orders' | 'disclosures'>,
  credential: Credential,
  at: string,
): readonly OrderState[] {
  const orders = [...state.orders.values()];
  if (seesAllOrders.has(credential.role)) return orders;
  if (credential.role !== 'officer') return [];
  const asked = new Set<string>();
  for (const { orderId, requestedBy } of state.disclosures.values()) {
    if (requestedBy.personId === credential.personId) asked.add(orderId);
  }
  return orders.filter((order) => asked.has(order.orderId) || releaseRefusal(order, at) === null);
}

/** Whether the credential may read this order now. Absent and not allowed are one answer. */
export function decideOrderReading(
  state: ControlState,
  orderId: string,
  credential: Credential,
  at: string,
): Decision<{ order: OrderState }, 'order.unknown'> {
  const order = state.orders.get(orderId);
  const { disclosures } = state;
  const isReadable =
    order && readableOrders({ orders: new Map([[orderId, order]]), disclosures }, credential, at);
  return order && isReadable?.length === 1 ? { ok: true, order } : { ok: false, code: 'order.unknown' };
}

export type DisclosureDecision =
  | { readonly ok: true; readonly scope: Scope }
  | { readonly ok: false; readonly codes: readonly (ReleaseRefusal | ScopeRefusal)[] };

/**
 * Whether a disclosure is allowed, and over which scope.
 * @param named the order in the version that the request names
 * @param order contents of the case file, its digest checked against the ledger's; null where the order's
 * state already refuses, so that the file need not be opened.
 */
export function decideDisclosure(
  state: ControlState,
  named: NamedOrder,
  order: Order | null,
  request: RequestedScope,
  at: string,
): DisclosureDecision {
  const release = decideRelease(state, named, at);
  if (!release.ok) return { ok: false, codes: [release.code] };
  if (order === null) return { ok: false, codes: ['order.unknown'] };
  const narrowed = narrowScope(order, request);
  return narrowed.ok ? narrowed : { ok: false, codes: narrowed.refusals };
}

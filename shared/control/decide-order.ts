import { isDeepStrictEqual } from 'node:util';
import { type GroundUse, groundsOf, type Regime } from '#shared/orders';
import { type NamedOrder, overRefusal, type ReleaseRefusal } from './decide-release.ts';
import type { Decision } from './decision.ts';
import type { DetailsOf } from './details.ts';
import { authorsOf, type OrderState, openClarification, orderStatus } from './order-state.ts';
import type { ControlState, Credential } from './state.ts';

/*
 * Decisions about orders. An order that a request names without a version is its first version: the only one
 * that there was when requests did not name it.
 */

/** What keeps a step about an order from being taken. */
export type OrderRefusal =
  | ReleaseRefusal
  | 'order.decided'
  | 'order.own_registration'
  | 'order.estimate_missing'
  | 'order.estimate_differs'
  | 'order.amendment'
  | 'order.not_suspended'
  | 'order.no_clarification'
  | 'order.ground'
  | 'order.no_notification'
  | 'order.answer_time'
  | 'order.objection_late'
  | 'order.no_follow_up';

export type OrderStep = Decision<{ order: OrderState }, OrderRefusal>;
export const refuse = (code: OrderRefusal): OrderStep => ({ ok: false, code });

/** The order, unless it is over or its case was erased. */
export function openOrder(state: ControlState, orderId: string, at: string): OrderStep {
  const order = state.orders.get(orderId);
  if (!order) return refuse('order.unknown');
  if (order.erasedAt !== undefined) return refuse('order.erased');
  const over = overRefusal(order, at);
  return over === null ? { ok: true, order } : refuse(over);
}

/** What an approver names: the version that was read, and for a broad order the counts that were shown. */
export interface Approval {
  readonly version: number;
  readonly estimate?: DetailsOf<'order.approved'>['estimate'] | undefined;
}

/** Whether this credential's person may approve this version of the order now. */
export function decideApproval(
  state: ControlState,
  orderId: string,
  credential: Credential,
  at: string,
  { version, estimate }: Approval,
): OrderStep {
  const found = decidable(state, orderId, credential, at);
  if (!found.ok) return found;
  const { order } = found;
  if (openClarification(order)) return refuse('order.clarification_awaited');
  if (version !== order.details.version) return refuse('order.version');
  if ((order.details.broadTargetCount ?? 0) === 0) return found;
  const shown = order.estimates[credential.personId];
  if (estimate === undefined || shown === undefined) return refuse('order.estimate_missing');
  const same =
    estimate.total === shown.total && isDeepStrictEqual({ ...estimate.counts }, { ...shown.counts });
  return same ? found : refuse('order.estimate_differs');
}

/** @param regime that of the order; undefined where it is not in force here */
export function decideRejection(
  state: ControlState,
  { orderId, version }: NamedOrder,
  credential: Credential,
  at: string,
  {
    grounds,
    regime,
  }: { readonly grounds?: readonly string[] | undefined; readonly regime: Regime | undefined },
): OrderStep {
  const found = decidable(state, orderId, credential, at);
  if (!found.ok) return found;
  if (version !== found.order.details.version) return refuse('order.version');
  if (grounds === undefined) return found;
  return hasGrounds(regime, 'refuse', grounds) ? found : refuse('order.ground');
}

/** Whether this person may decide on the order as it stands. */
function decidable(state: ControlState, orderId: string, credential: Credential, at: string): OrderStep {
  const order = state.orders.get(orderId);
  if (!order) return refuse('order.unknown');
  // By person, not by credential: a second credential of the same person is still the same person.
  if (authorsOf(order).has(credential.personId)) return refuse('order.own_registration');
  if (order.erasedAt !== undefined) return refuse('order.erased');
  const status = orderStatus(order, at);
  if (status === 'Approved' || status === 'Rejected') return refuse('order.decided');
  const over = overRefusal(order, at);
  if (over !== null) return refuse(over);
  return status === 'Suspended' ? refuse('order.suspended') : { ok: true, order };
}

export const hasGrounds = (regime: Regime | undefined, use: GroundUse, ids: readonly string[]): boolean =>
  regime !== undefined && groundsOf(regime, use, ids) !== null;

/**
 * Whether the order may get this next version. It stays the same order: what it is, of whom, and when it was
 * received, so that no amendment moves its deadline or reaches data that came later.
 */
export function decideAmendment(
  state: ControlState,
  orderId: string,
  next: DetailsOf<'order.amended'>,
  at: string,
): OrderStep {
  const found = openOrder(state, orderId, at);
  if (!found.ok) return found;
  const { details } = found.order;
  if (next.version !== details.version + 1) return refuse('order.version');
  const kept = ['regime', 'type', 'issuingState', 'receivedAt'] as const;
  return kept.every((name) => next[name] === details[name]) ? found : refuse('order.amendment');
}

/** Stopping needs one person. */
export function decideSuspension(state: ControlState, orderId: string, at: string): OrderStep {
  const found = openOrder(state, orderId, at);
  return found.ok && found.order.suspendedAt !== undefined ? refuse('order.suspended') : found;
}

/** Going on needs a second person, who says which version goes on. */
export function decideResumption(
  state: ControlState,
  { orderId, version }: NamedOrder,
  credential: Credential,
  at: string,
): OrderStep {
  const found = openOrder(state, orderId, at);
  if (!found.ok) return found;
  const { order } = found;
  if (authorsOf(order).has(credential.personId)) return refuse('order.own_registration');
  if (order.suspendedAt === undefined) return refuse('order.not_suspended');
  return version === order.details.version ? found : refuse('order.version');
}

/** Whether the order may be ended: withdrawn or found void. What was rejected or has expired can be, too. */
export function decideRevocation(state: ControlState, orderId: string): OrderStep {
  const order = state.orders.get(orderId);
  if (!order) return refuse('order.unknown');
  if (order.erasedAt !== undefined) return refuse('order.erased');
  if (order.revoked === undefined) return { ok: true, order };
  return refuse(order.revoked.status === 'Cancelled' ? 'order.cancelled' : 'order.void');
}

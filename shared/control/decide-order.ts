import { isDeepStrictEqual } from 'node:util';
import { type GroundUse, groundsOf, type Regime } from '#shared/orders';
import type { Decision } from './decision.ts';
import type { DetailsOf } from './details.ts';
import { missedFollowUps } from './order-alarms.ts';
import {
  authorsOf,
  type OrderState,
  type OrderStatus,
  openClarification,
  orderStatus,
} from './order-state.ts';
import type { ControlState, Credential } from './state.ts';

/*
 * Decisions about orders. An order that a request names without a version is its first version: the only one
 * that there was when requests did not name it.
 */

/** What keeps anything from being released under an order. */
export type ReleaseRefusal =
  | 'order.unknown'
  | 'order.version'
  | 'order.not_approved'
  | 'order.rejected'
  | 'order.suspended'
  | 'order.cancelled'
  | 'order.void'
  | 'order.expired'
  | 'order.preservation_only'
  | 'order.clarification_awaited'
  | 'order.objected'
  | 'order.notification_pending'
  | 'order.follow_up_missing';

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

type Step = Decision<{ order: OrderState }, OrderRefusal>;
const refuse = (code: OrderRefusal): Step => ({ ok: false, code });

/** An order in one of its versions. */
export interface NamedOrder {
  readonly orderId: string;
  readonly version: number;
}

/** Why an order of this status is over; null where it is not. */
function overRefusal(order: OrderState, at: string): ReleaseRefusal | null {
  const codes: Readonly<Partial<Record<OrderStatus, ReleaseRefusal>>> = {
    Rejected: order.notificationAnswer === 'objection' ? 'order.objected' : 'order.rejected',
    Cancelled: 'order.cancelled',
    Invalid: 'order.void',
    Expired: 'order.expired',
  };
  return codes[orderStatus(order, at)] ?? null;
}

/** The order, unless it is over. */
function openOrder(state: ControlState, orderId: string, at: string): Step {
  const order = state.orders.get(orderId);
  if (!order) return refuse('order.unknown');
  const over = overRefusal(order, at);
  return over === null ? { ok: true, order } : refuse(over);
}

/**
 * Whether anything may be released under this version of the order now. Asked at the request, and again when
 * its package is about to be announced.
 */
export function decideRelease(
  state: Pick<ControlState, 'orders'>,
  { orderId, version }: NamedOrder,
  at: string,
): Decision<{ order: OrderState }, ReleaseRefusal> {
  const order = state.orders.get(orderId);
  if (!order) return { ok: false, code: 'order.unknown' };
  const code = releaseRefusal(order, at) ?? (version === order.details.version ? null : 'order.version');
  return code === null ? { ok: true, order } : { ok: false, code };
}

/** Why nothing may be released under the order, whatever version is named. */
export function releaseRefusal(order: OrderState, at: string): ReleaseRefusal | null {
  const over = overRefusal(order, at);
  if (over !== null) return over;
  if (order.suspendedAt !== undefined) return 'order.suspended';
  if (order.decision === undefined) return 'order.not_approved';
  if (order.details.type !== 'produce') return 'order.preservation_only';
  if (openClarification(order)) return 'order.clarification_awaited';
  const waitUntil = order.details.schedule?.notification?.waitUntil;
  if (waitUntil !== undefined && order.notificationAnswer === undefined && at < waitUntil) {
    return 'order.notification_pending';
  }
  return missedFollowUps(order, at).length > 0 ? 'order.follow_up_missing' : null;
}

/**
 * Whether a package that was announced may still be handed out: not once its order was suspended, withdrawn,
 * found void or objected to, or replaced by another version. What merely expired was released in time.
 */
export function decideCollection(
  state: Pick<ControlState, 'orders'>,
  { orderId, version }: NamedOrder,
  at: string,
): Decision<{ order: OrderState }, ReleaseRefusal> {
  const order = state.orders.get(orderId);
  if (!order) return { ok: false, code: 'order.unknown' };
  const over = overRefusal(order, at);
  if (over !== null && over !== 'order.expired') return { ok: false, code: over };
  if (order.suspendedAt !== undefined) return { ok: false, code: 'order.suspended' };
  return version === order.details.version ? { ok: true, order } : { ok: false, code: 'order.version' };
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
): Step {
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
): Step {
  const found = decidable(state, orderId, credential, at);
  if (!found.ok) return found;
  if (version !== found.order.details.version) return refuse('order.version');
  if (grounds === undefined) return found;
  return hasGrounds(regime, 'refuse', grounds) ? found : refuse('order.ground');
}

/** Whether this person may decide on the order as it stands. */
function decidable(state: ControlState, orderId: string, credential: Credential, at: string): Step {
  const order = state.orders.get(orderId);
  if (!order) return refuse('order.unknown');
  // By person, not by credential: a second credential of the same person is still the same person.
  if (authorsOf(order).has(credential.personId)) return refuse('order.own_registration');
  const status = orderStatus(order, at);
  if (status === 'Approved' || status === 'Rejected') return refuse('order.decided');
  const over = overRefusal(order, at);
  if (over !== null) return refuse(over);
  return status === 'Suspended' ? refuse('order.suspended') : { ok: true, order };
}

const hasGrounds = (regime: Regime | undefined, use: GroundUse, ids: readonly string[]): boolean =>
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
): Step {
  const found = openOrder(state, orderId, at);
  if (!found.ok) return found;
  const { details } = found.order;
  if (next.version !== details.version + 1) return refuse('order.version');
  const kept = ['regime', 'type', 'issuingState', 'receivedAt'] as const;
  return kept.every((name) => next[name] === details[name]) ? found : refuse('order.amendment');
}

/** Stopping needs one person. */
export function decideSuspension(state: ControlState, orderId: string, at: string): Step {
  const found = openOrder(state, orderId, at);
  return found.ok && found.order.suspendedAt !== undefined ? refuse('order.suspended') : found;
}

/** Going on needs a second person, who says which version goes on. */
export function decideResumption(
  state: ControlState,
  { orderId, version }: NamedOrder,
  credential: Credential,
  at: string,
): Step {
  const found = openOrder(state, orderId, at);
  if (!found.ok) return found;
  const { order } = found;
  if (authorsOf(order).has(credential.personId)) return refuse('order.own_registration');
  if (order.suspendedAt === undefined) return refuse('order.not_suspended');
  return version === order.details.version ? found : refuse('order.version');
}

/** Whether the order may be ended: withdrawn or found void. What was rejected or has expired can be, too. */
export function decideRevocation(state: ControlState, orderId: string): Step {
  const order = state.orders.get(orderId);
  if (!order) return refuse('order.unknown');
  if (order.revoked === undefined) return { ok: true, order };
  return refuse(order.revoked.status === 'Cancelled' ? 'order.cancelled' : 'order.void');
}

/** Whether the authority may be asked now, and whether the clock stands still meanwhile. */
export function decideClarification(
  state: ControlState,
  { orderId, version }: NamedOrder,
  at: string,
  { grounds, regime }: { readonly grounds: readonly string[]; readonly regime: Regime | undefined },
): Decision<{ order: OrderState; stopsClock: boolean }, OrderRefusal> {
  const found = openOrder(state, orderId, at);
  if (!found.ok) return found;
  if (openClarification(found.order)) return { ok: false, code: 'order.clarification_awaited' };
  if (version !== found.order.details.version) return { ok: false, code: 'order.version' };
  const known = regime === undefined ? null : groundsOf(regime, 'clarify', grounds);
  if (known === null) return { ok: false, code: 'order.ground' };
  return { ok: true, order: found.order, stopsClock: known.some(({ stopsClock }) => stopsClock === true) };
}

/** @param receivedAt when the answer came: after the question, and not in the future */
export function decideClarified(state: ControlState, orderId: string, at: string, receivedAt: string): Step {
  const found = openOrder(state, orderId, at);
  if (!found.ok) return found;
  const open = openClarification(found.order);
  if (!open) return refuse('order.no_clarification');
  return open.askedAt <= receivedAt && receivedAt <= at ? found : refuse('order.answer_time');
}

/**
 * Whether the enforcing authority's answer may be recorded. An objection by anybody who handles the order; that
 * there is none opens the release earlier, and takes another person than those who recorded it.
 */
export function decideNotificationAnswer(
  state: ControlState,
  orderId: string,
  credential: Credential,
  at: string,
  given: Omit<DetailsOf<'order.notification_answered'>, 'grounds'> & {
    readonly grounds?: readonly string[] | undefined;
    readonly regime: Regime | undefined;
  },
): Step {
  const found = openOrder(state, orderId, at);
  if (!found.ok) return found;
  const { order } = found;
  const { notification } = order.details.schedule ?? {};
  if (!notification) return refuse('order.no_notification');
  if (given.version !== order.details.version) return refuse('order.version');
  if (given.receivedAt > at || given.receivedAt < order.details.receivedAt)
    return refuse('order.answer_time');
  if (given.answer === 'objection') {
    if (given.receivedAt > notification.objectUntil) return refuse('order.objection_late');
    return hasGrounds(given.regime, 'object', given.grounds ?? []) ? found : refuse('order.ground');
  }
  if (given.grounds !== undefined) return refuse('order.ground');
  const isOther = credential.role === 'reviewer' && !authorsOf(order).has(credential.personId);
  return isOther ? found : refuse('order.own_registration');
}

/** Whether what had to follow the emergency may be recorded as done; late as well, and then it shows. */
export function decideFollowUp(
  state: ControlState,
  { orderId, version }: NamedOrder,
  at: string,
  followUp: string,
): Step {
  const found = openOrder(state, orderId, at);
  if (!found.ok) return found;
  const { details, followedUp } = found.order;
  if (version !== details.version) return refuse('order.version');
  const due = details.schedule?.followUps?.find(({ id }) => id === followUp);
  return due && !followedUp.includes(followUp) ? found : refuse('order.no_follow_up');
}

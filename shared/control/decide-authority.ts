import { groundsOf, type Regime } from '#shared/orders';
import { hasGrounds, type OrderRefusal, type OrderStep, openOrder, refuse } from './decide-order.ts';
import type { NamedOrder } from './decide-release.ts';
import type { Decision } from './decision.ts';
import type { DetailsOf } from './details.ts';
import { authorsOf, type OrderState, openClarification } from './order-state.ts';
import type { ControlState, Credential } from './state.ts';

/* Decisions about what is said to the authorities of an order, and what they answer. */

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
export function decideClarified(
  state: ControlState,
  orderId: string,
  at: string,
  receivedAt: string,
): OrderStep {
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
): OrderStep {
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
): OrderStep {
  const found = openOrder(state, orderId, at);
  if (!found.ok) return found;
  const { details, followedUp } = found.order;
  if (version !== details.version) return refuse('order.version');
  const due = details.schedule?.followUps?.find(({ id }) => id === followUp);
  return due && !followedUp.includes(followUp) ? found : refuse('order.no_follow_up');
}

import type { Decision } from './decision.ts';
import { missedFollowUps } from './order-alarms.ts';
import { type OrderState, type OrderStatus, openClarification, orderStatus } from './order-state.ts';
import type { ControlState } from './state.ts';

/** What keeps anything from being released under an order. */
export type ReleaseRefusal =
  | 'order.unknown'
  | 'order.erased'
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

/** An order in one of its versions. */
export interface NamedOrder {
  readonly orderId: string;
  readonly version: number;
}

/** Why an order of this status is over; null where it is not. */
export function overRefusal(order: OrderState, at: string): ReleaseRefusal | null {
  const codes: Readonly<Partial<Record<OrderStatus, ReleaseRefusal>>> = {
    Rejected: order.notificationAnswer === 'objection' ? 'order.objected' : 'order.rejected',
    Cancelled: 'order.cancelled',
    Invalid: 'order.void',
    Expired: 'order.expired',
  };
  return codes[orderStatus(order, at)] ?? null;
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
  if (order.erasedAt !== undefined) return 'order.erased';
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
 * found void or objected to, or replaced by another version. What merely expired was released in time, and is
 * handed out whether the case was erased since or not.
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

import { z } from 'zod';
import { overRefusal } from './decide-release.ts';
import type { Decision } from './decision.ts';
import { authorsOf, type OrderState } from './order-state.ts';
import type { ControlState, Credential } from './state.ts';

/*
 * Erasing a case: the key of an order's files is destroyed and the files removed. The ledger keeps that the
 * order was there, who acted on it, and digests of nothing.
 */

export const erasureReasons = [
  /** The period for which the operator keeps orders is over. */
  'period_over',
  /** A court or an authority ordered it. */
  'ordered',
  /** It should never have been recorded. */
  'recorded_in_error',
  'other',
] as const;

export const erasureDetails = {
  'case.erased': z.strictObject({ reason: z.enum(erasureReasons) }),
} as const;

export type ErasureRefusal = 'order.unknown' | 'order.erased' | 'order.in_force' | 'order.own_registration';

/**
 * Whether this credential's person may erase the order's case now: another person than those who recorded
 * any version of it, once the order and its hold have ended and no package is being made under it.
 */
export function decideErasure(
  state: Pick<ControlState, 'orders' | 'disclosures' | 'holds'>,
  orderId: string,
  credential: Pick<Credential, 'personId'>,
  at: string,
): Decision<{ order: OrderState }, ErasureRefusal> {
  const order = state.orders.get(orderId);
  if (!order) return { ok: false, code: 'order.unknown' };
  if (authorsOf(order).has(credential.personId)) return { ok: false, code: 'order.own_registration' };
  if (order.erasedAt !== undefined) return { ok: false, code: 'order.erased' };
  const isUsed = [...state.disclosures.values()].some(
    (disclosure) => disclosure.orderId === orderId && disclosure.status === 'AwaitingDisclosure',
  );
  const hold = state.holds.get(orderId);
  // What it keeps is copied by what the case says.
  const isHeld = hold !== undefined && hold.deleted === undefined;
  if (isUsed || isHeld || overRefusal(order, at) === null) return { ok: false, code: 'order.in_force' };
  return { ok: true, order };
}

/** Orders whose cases were erased: nothing of them may be there any more. */
export function erasedOrders(state: Readonly<Pick<ControlState, 'orders'>>): readonly string[] {
  return [...state.orders.values()]
    .filter(({ erasedAt }) => erasedAt !== undefined)
    .map(({ orderId }) => orderId);
}

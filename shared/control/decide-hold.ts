import { addPeriod } from '#shared/orders';
import type { Decision } from './decision.ts';
import type { HoldDraft, HoldEndReason, HoldExtension, HoldState, HoldStep } from './holds.ts';
import { authorsOf, type OrderState } from './order-state.ts';
import type { ControlState, Credential } from './state.ts';

/* The rules of holds: when one begins and ends, who may make it longer or end it, and who may read it. */

type Known = Pick<ControlState, 'orders' | 'holds'>;

export type HoldRefusal =
  | 'order.unknown'
  | 'order.own_registration'
  | 'hold.none'
  | 'hold.not_extendable'
  | 'hold.extended_already'
  | 'hold.in_force'
  | 'hold.in_use'
  | 'hold.differs';

/** Last instant at which the hold may be read and goes on, where nothing ends it before. */
export function holdUntil({ orders, holds }: Known, order: OrderState): string {
  const { type, validUntil } = order.details;
  if (type === 'produce') return validUntil;
  const own = holds.get(order.orderId)?.until ?? order.details.schedule?.preservation?.until ?? validUntil;
  // As long as an order to produce what is held can still be carried out.
  let until = own;
  for (const later of orders.values()) {
    if (later.details.preservedUnder !== order.orderId || isAnswered(later)) continue;
    if (later.details.validUntil > until) until = later.details.validUntil;
  }
  return until;
}

/** Whether nothing can be released under an order to produce any more, whatever the time. */
const isAnswered = (order: OrderState): boolean =>
  order.fulfilledAt !== undefined || isVoid(order) || order.erasedAt !== undefined;

/** Rejected, withdrawn or found void: what it was about is not to be kept for it. */
const isVoid = (order: OrderState): boolean =>
  order.revoked !== undefined ||
  order.decision?.status === 'Rejected' ||
  order.notificationAnswer === 'objection';

/** Why the order keeps nothing at `at`; null while it does. */
export function holdOver(known: Known, order: OrderState, at: string): HoldEndReason | null {
  if (known.holds.get(order.orderId)?.lifted !== undefined) return 'lifted';
  if (isVoid(order) || order.erasedAt !== undefined) return 'order_over';
  if (order.fulfilledAt !== undefined) return 'fulfilled';
  return at > holdUntil(known, order) ? 'period_over' : null;
}

/** Orders that keep what they are about, and whose holds are not in the ledger yet, as the entries to come. */
export function holdsDue(
  known: Known,
  at: string,
): { readonly orderId: string; readonly since: string; readonly until: string }[] {
  return [...known.orders.values()].flatMap((order) => {
    const { orderId, details, recordedAt, earlier } = order;
    // An order to preserve that was recorded before there were holds has no time for which it keeps.
    const keeps = details.type === 'produce' || details.schedule?.preservation !== undefined;
    if (!keeps || known.holds.has(orderId) || holdOver(known, order, at) !== null) return [];
    const until = details.schedule?.preservation?.until ?? details.validUntil;
    return [{ orderId, since: earlier[0]?.recordedAt ?? recordedAt, until }];
  });
}

/** Whether a hold that is placed is as it is due. */
export function decidePlacing(
  known: Known,
  orderId: string,
  { since, until }: Pick<HoldState, 'since' | 'until'>,
  at: string,
): Decision<{ order: OrderState }, HoldRefusal> {
  const order = known.orders.get(orderId);
  if (order === undefined) return { ok: false, code: 'order.unknown' };
  const due = holdsDue({ orders: new Map([[orderId, order]]), holds: known.holds }, at);
  const same = due.some((one) => one.since === since && one.until === until);
  return same ? { ok: true, order } : { ok: false, code: 'hold.differs' };
}

/** A hold in force, with the order. Over is over, also before its end is in the ledger. */
function inForce(
  known: Known,
  orderId: string,
  at: string,
): Decision<{ order: OrderState; hold: HoldState }, HoldRefusal> {
  const order = known.orders.get(orderId);
  if (order === undefined) return { ok: false, code: 'order.unknown' };
  const hold = known.holds.get(orderId);
  return hold === undefined || hold.ended !== undefined || holdOver(known, order, at) !== null
    ? { ok: false, code: 'hold.none' }
    : { ok: true, order, hold };
}

/**
 * Whether this credential's person may have the order keep for longer, and until when: another person than
 * those who recorded it, because it goes on.
 */
export function decideHoldExtension(
  known: Known,
  orderId: string,
  credential: Pick<Credential, 'personId'>,
  at: string,
  reason: HoldExtension,
): Decision<{ until: string }, HoldRefusal> {
  const found = inForce(known, orderId, at);
  if (!found.ok) return found;
  const { order, hold } = found;
  if (authorsOf(order).has(credential.personId)) return { ok: false, code: 'order.own_registration' };
  const rule = order.details.schedule?.preservation;
  if (rule === undefined) return { ok: false, code: 'hold.not_extendable' };
  if (reason === 'extension') {
    if (hold.extensions >= rule.extensions) return { ok: false, code: 'hold.extended_already' };
    return { ok: true, until: addPeriod(hold.until, rule.extension) };
  }
  const until = addPeriod(at, rule.confirmed);
  return { ok: true, until: until > hold.until ? until : hold.until };
}

/** Whether it may be lifted: by another person than those who recorded it, because what is held is gone then. */
export function decideHoldLifting(
  known: Known,
  orderId: string,
  credential: Pick<Credential, 'personId'>,
  at: string,
): Decision<{ order: OrderState }, HoldRefusal> {
  const found = inForce(known, orderId, at);
  if (!found.ok) return found;
  const isAuthor = authorsOf(found.order).has(credential.personId);
  return isAuthor ? { ok: false, code: 'order.own_registration' } : { ok: true, order: found.order };
}

/** Whether the retention service may say this of a hold. */
export function decideKeptHold(
  state: Known & Pick<ControlState, 'disclosures'>,
  { kind, subject, details }: HoldDraft,
  at: string,
): Decision<{ step: HoldStep }, HoldRefusal> {
  const [order, hold] = [state.orders.get(subject), state.holds.get(subject)];
  if (order === undefined) return { ok: false, code: 'order.unknown' };
  if (hold === undefined) return { ok: false, code: 'hold.none' };
  const allowed = { ok: true, step: { kind, details } as HoldStep } as const;
  const differs = { ok: false, code: 'hold.differs' } as const;
  switch (kind) {
    case 'hold.copied':
      return hold.copied === undefined && hold.ended === undefined ? allowed : differs;
    case 'hold.ended': {
      const reason = holdOver(state, order, at);
      if (reason === null) return { ok: false, code: 'hold.in_force' };
      if (hold.ended !== undefined || reason !== details.reason) return differs;
      return isHoldInUse(state, subject) ? { ok: false, code: 'hold.in_use' } : allowed;
    }
    case 'hold.deleted': {
      const { ended, deleted } = hold;
      const same = ended?.records === details.records && ended.bytes === details.bytes;
      return same && deleted === undefined ? allowed : differs;
    }
  }
}

/** Whether a package is being made for which the hold may be read. */
export function isHoldInUse(
  { orders, disclosures }: Pick<ControlState, 'orders' | 'disclosures'>,
  holdId: string,
): boolean {
  return [...disclosures.values()].some(
    ({ orderId, status }) =>
      status === 'AwaitingDisclosure' &&
      (orderId === holdId || orders.get(orderId)?.details.preservedUnder === holdId),
  );
}

/** A hold that an order may read. */
export interface ReadableHold {
  /** The order that keeps. */
  readonly orderId: string;
  /** Last instant at which it may be read. */
  readonly until: string;
}

/**
 * The holds that may be read for an order to produce at `at`: its own, and that of the order to preserve which
 * it names. Never one that is over, and no other order's.
 */
export function readableHolds(known: Known, order: OrderState, at: string): ReadableHold[] {
  const { type, preservedUnder } = order.details;
  if (type !== 'produce') return [];
  return [order.orderId, ...(preservedUnder === undefined ? [] : [preservedUnder])].flatMap((orderId) => {
    const found = inForce(known, orderId, at);
    return found.ok ? [{ orderId, until: holdUntil(known, found.order) }] : [];
  });
}

/** Whether the retention service may know what the order is about: while it keeps something. */
export function isHoldScopeReadable(known: Known, orderId: string, at: string): boolean {
  return inForce(known, orderId, at).ok;
}

/**
 * Whether all that may be read for an order to produce is there to be read: a package that is made before it was
 * copied may lack what expired since the order was recorded, and does not fulfil it.
 */
export function holdsAreCopied(known: Known, order: OrderState, at: string): boolean {
  const { preservedUnder } = order.details;
  const isCopied = (orderId: string): boolean => known.holds.get(orderId)?.copied !== undefined;
  const reads = readableHolds(known, order, at).map(({ orderId }) => orderId);
  return isCopied(order.orderId) && (preservedUnder === undefined || reads.every(isCopied));
}

/** Whether an order to produce may name this order to preserve: while it keeps something. */
export function decideReference(known: Known, preservedUnder: string | undefined, at: string): boolean {
  if (preservedUnder === undefined) return true;
  const order = known.orders.get(preservedUnder);
  return order?.details.type === 'preserve' && holdOver(known, order, at) === null;
}

/** Whether there may be something of it still. */
export const isHoldOpen = ({ deleted }: HoldState): boolean => deleted === undefined;

/** Ids of the orders whose holds are placed and not over, in their order. */
export function holdsInForce(known: Known, at: string): string[] {
  return [...known.holds.values()]
    .filter(({ orderId, ended }) => {
      const order = known.orders.get(orderId);
      return ended === undefined && order !== undefined && holdOver(known, order, at) === null;
    })
    .map(({ orderId }) => orderId);
}

import type { EntryKind } from './details.ts';
import { type ControlEntry, ControlError } from './entry.ts';
import { alarmKey } from './order-alarms.ts';
import { revocations } from './order-entries.ts';
import { authorsOf, type OrderState, type OrderVersion, openClarification } from './order-state.ts';
import type { Person } from './state.ts';

export type OrderKind = Extract<EntryKind, `order.${string}`>;
export type OrderEntry = { [K in OrderKind]: ControlEntry<K> }[OrderKind];

/** What an entry about an order says, without who caused it. */
type OrderStep = {
  [K in OrderKind]: Pick<ControlEntry<K>, 'kind' | 'at' | 'subject' | 'commitments' | 'details'>;
}[OrderKind];

export const isOrderEntry = (entry: { readonly kind: EntryKind }): entry is OrderEntry =>
  entry.kind.startsWith('order.');

/**
 * The order after an entry about it. What could not follow whatever the rules of the day is refused here;
 * whether the step was allowed is for the decisions.
 * @param before undefined where the order is not recorded yet
 * @param by the person who caused it; null for the service
 * @param index of the entry, for the error
 * @throws ControlError
 */
export function nextOrder(
  before: OrderState | undefined,
  entry: OrderStep,
  by: Person | null,
  index: number,
): OrderState {
  const impossible = (why: string): ControlError => new ControlError(index, why);
  if (entry.kind === 'order.recorded') {
    if (before) throw impossible('its order is recorded already');
    return {
      ...newVersion(entry, by, index),
      orderId: entry.subject ?? '',
      earlier: [],
      clarifications: [],
      followedUp: [],
      estimates: {},
      alarms: [],
      expiryRecorded: false,
    };
  }
  if (!before) throw impossible('its order is not recorded');
  if (before.erasedAt !== undefined) throw impossible('the case of its order was erased already');
  if (before.revoked) throw impossible('its order was over already');
  const isOfVersion = !('version' in entry.details) || entry.details.version === before.details.version;
  if (entry.kind !== 'order.amended' && !isOfVersion)
    throw impossible('it is about another version of its order');
  switch (entry.kind) {
    case 'order.amended':
      return amended(before, newVersion(entry, by, index), index);
    case 'order.estimated':
      if (by !== null) throw impossible('no person makes an estimate');
      return before;
    case 'order.approved':
      return decided(before, { status: 'Approved', at: entry.at }, by, index);
    case 'order.rejected':
      return decided(before, { status: 'Rejected', at: entry.at }, by, index);
    case 'order.suspended':
      if (before.suspendedAt !== undefined) throw impossible('its order was suspended already');
      return { ...before, suspendedAt: entry.at };
    case 'order.resumed': {
      const { suspendedAt, ...resumed } = before;
      if (suspendedAt === undefined) throw impossible('its order was not suspended');
      if (by === null || authorsOf(before).has(by.personId)) {
        throw impossible('the person who recorded an order cannot resume it');
      }
      return resumed;
    }
    case 'order.revoked':
      return { ...before, revoked: { status: revocations[entry.details.reason], at: entry.at } };
    case 'order.expired':
      if (before.expiryRecorded) throw impossible('its order had expired already');
      return { ...before, expiryRecorded: true };
    case 'order.clarification_asked': {
      if (openClarification(before)) throw impossible('an answer was awaited already');
      const { stopsClock } = entry.details;
      return { ...before, clarifications: [...before.clarifications, { askedAt: entry.at, stopsClock }] };
    }
    case 'order.clarification_answered': {
      const open = openClarification(before);
      if (!open) throw impossible('no answer was awaited');
      const answered = { ...open, answeredAt: entry.details.receivedAt };
      return { ...before, clarifications: [...before.clarifications.slice(0, -1), answered] };
    }
    case 'order.notification_answered':
      return { ...before, notificationAnswer: entry.details.answer };
    case 'order.followed_up':
      return { ...before, followedUp: [...before.followedUp, entry.details.followUp] };
    case 'order.deadline_alarm': {
      const key = alarmKey(entry.details);
      if (before.alarms.includes(key)) throw impossible('the same alarm was raised already');
      return { ...before, alarms: [...before.alarms, key] };
    }
  }
}

/** Keeps the counts that somebody was shown; apart, because it is the person who was shown them. */
export function withEstimate(
  order: OrderState,
  personId: string,
  estimate: OrderState['estimates'][string],
): OrderState {
  return { ...order, estimates: { ...order.estimates, [personId]: estimate } };
}

function newVersion(
  { at, commitments, details }: ControlEntry<'order.recorded'> | OrderStep,
  by: Person | null,
  index: number,
): OrderVersion {
  if (by === null) throw new ControlError(index, 'no service records an order');
  return {
    details: details as OrderVersion['details'],
    commitments: commitments ?? {},
    recordedAt: at,
    recordedBy: by,
  };
}

/** The next version: neither approved nor answered about, however the one before stood. */
function amended(before: OrderState, next: OrderVersion, index: number): OrderState {
  if (next.details.version !== before.details.version + 1) {
    throw new ControlError(index, 'it is not the next version of its order');
  }
  if (before.decision?.status === 'Rejected') throw new ControlError(index, 'its order was rejected already');
  const { decision, notificationAnswer: _, fulfilledAt: __, ...rest } = before;
  const { details, commitments, recordedAt, recordedBy, ...whole } = rest;
  const replaced: OrderVersion = {
    details,
    commitments,
    recordedAt,
    recordedBy,
    ...(decision ? { decision } : {}),
  };
  return { ...whole, ...next, earlier: [...before.earlier, replaced], estimates: {} };
}

function decided(
  before: OrderState,
  decision: Pick<NonNullable<OrderState['decision']>, 'status' | 'at'>,
  by: Person | null,
  index: number,
): OrderState {
  if (by === null) throw new ControlError(index, 'no service decides on an order');
  if (before.decision) throw new ControlError(index, 'its order was decided on already');
  if (authorsOf(before).has(by.personId)) {
    throw new ControlError(index, 'the person who recorded an order cannot decide on it');
  }
  return { ...before, decision: { ...decision, by } };
}

import { isDeepStrictEqual } from 'node:util';
import type { Regime, Regimes } from '#shared/orders';
import {
  decideClarification,
  decideClarified,
  decideFollowUp,
  decideNotificationAnswer,
} from './decide-authority.ts';
import { decideReference } from './decide-hold.ts';
import {
  decideAmendment,
  decideApproval,
  decideRejection,
  decideResumption,
  decideRevocation,
  decideSuspension,
  type OrderRefusal,
} from './decide-order.ts';
import type { ControlEntry } from './entry.ts';
import type { RecordedRequest } from './evidence.ts';
import type { OrderEntry, OrderKind } from './fold-order.ts';
import { alarmsDue } from './order-alarms.ts';
import { orderStatus } from './order-state.ts';
import { contradicts, follows, type Rederived, unknowable } from './rederived.ts';
import type { ControlState, Credential } from './state.ts';

/** Makes the decision of an entry about an order again. See `rederive`. */
export function rederiveOrder(
  state: ControlState,
  entry: OrderEntry,
  request: RecordedRequest | null,
  regimes: Regimes | undefined,
): Rederived {
  switch (entry.kind) {
    case 'order.recorded':
      if (entry.details.version !== 1) return contradicts('records an order that is no first version');
      return decideReference(state, entry.details.preservedUnder, entry.at) ? contents(entry) : noReference;
    case 'order.estimated':
      // What the store counted is outside the ledger.
      return state.orders.get(entry.subject ?? '')?.details.version === entry.details.version
        ? follows
        : contradicts('counts for a version that is not in force');
    case 'order.expired':
    case 'order.deadline_alarm':
      return rederiveService(state, entry);
    default: {
      if (request === null) return follows;
      const decision = decideAgain(state, entry, request.credential, regimes);
      if (decision === 'unknown_rule') return unknowable('unknown_rule');
      if (!decision.ok) return contradicts(faultOf(entry.kind, decision.code));
      if (entry.kind !== 'order.amended') return follows;
      return decideReference(state, entry.details.preservedUnder, entry.at) ? contents(entry) : noReference;
    }
  }
}

const noReference = contradicts('names an order to preserve that keeps nothing');

const faultOf = (kind: OrderKind, code: OrderRefusal): string =>
  kind === 'order.approved' || kind === 'order.rejected'
    ? `decides on an order that could not be decided on (${code})`
    : `changes an order, and the rules refuse it (${code})`;

/** What the order says is in a case file. */
function contents({
  commitments,
}: ControlEntry<'order.recorded'> | ControlEntry<'order.amended'>): Rederived {
  return ['order', 'document', 'request'].every((name) => commitments?.[name] !== undefined)
    ? unknowable('case_file')
    : contradicts('commits to no order, document and request');
}

/** What the service says by itself must be so at that time. */
function rederiveService(
  state: ControlState,
  entry: ControlEntry<'order.expired'> | ControlEntry<'order.deadline_alarm'>,
): Rederived {
  const order = state.orders.get(entry.subject ?? '');
  if (!order) return follows;
  if (entry.kind === 'order.expired') {
    const isSo =
      orderStatus(order, entry.at) === 'Expired' && entry.details.validUntil === order.details.validUntil;
    return isSo ? follows : contradicts('says that an order had expired which had not');
  }
  const isDue = alarmsDue(order, entry.at).some((alarm) => isDeepStrictEqual(alarm, entry.details));
  return isDue ? follows : contradicts('raises an alarm that was not due');
}

type Decided = { readonly ok: true } | { readonly ok: false; readonly code: OrderRefusal };
type Changing = Exclude<
  OrderKind,
  'order.recorded' | 'order.estimated' | 'order.expired' | 'order.deadline_alarm'
>;
type ChangingEntry = { [K in Changing]: ControlEntry<K> }[Changing];

function decideAgain(
  state: ControlState,
  entry: ChangingEntry,
  credential: Credential,
  regimes: Regimes | undefined,
): Decided | 'unknown_rule' {
  const { at, subject: orderId = '' } = entry;
  switch (entry.kind) {
    case 'order.amended':
      return decideAmendment(state, orderId, entry.details, at);
    case 'order.approved':
      return decideApproval(state, orderId, credential, at, entry.details);
    case 'order.suspended':
      return decideSuspension(state, orderId, at);
    case 'order.resumed':
      return decideResumption(state, { orderId, version: entry.details.version }, credential, at);
    case 'order.revoked':
      return decideRevocation(state, orderId);
    case 'order.clarification_answered':
      return decideClarified(state, orderId, at, entry.details.receivedAt);
    case 'order.followed_up': {
      const { version, followUp } = entry.details;
      return decideFollowUp(state, { orderId, version }, at, followUp);
    }
    case 'order.rejected':
    case 'order.clarification_asked':
    case 'order.notification_answered': {
      const { version, grounds } = entry.details;
      const regime = regimeOf(state, orderId, regimes);
      if (grounds !== undefined && regime === undefined) return 'unknown_rule';
      if (entry.kind === 'order.rejected') {
        return decideRejection(state, { orderId, version }, credential, at, { grounds, regime });
      }
      if (entry.kind === 'order.notification_answered') {
        return decideNotificationAnswer(state, orderId, credential, at, { ...entry.details, regime });
      }
      const asked = { grounds: entry.details.grounds, regime };
      const decision = decideClarification(state, { orderId, version }, at, asked);
      const stands = decision.ok && decision.stopsClock === entry.details.stopsClock;
      return decision.ok && !stands ? { ok: false, code: 'order.ground' } : decision;
    }
  }
}

/** The regime under which the order was recorded, in that version of its rules. */
function regimeOf(state: ControlState, orderId: string, regimes: Regimes | undefined): Regime | undefined {
  const { regime = '', regimeVersion } = state.orders.get(orderId)?.details ?? {};
  const found = regimes?.get(regime);
  return found?.version === regimeVersion ? found : undefined;
}

import { decideOrderReading } from './decide.ts';
import {
  decideClarification,
  decideClarified,
  decideFollowUp,
  decideNotificationAnswer,
} from './decide-authority.ts';
import { decideHoldExtension, decideHoldLifting } from './decide-hold.ts';
import {
  decideAmendment,
  decideApproval,
  decideRejection,
  decideResumption,
  decideRevocation,
  decideSuspension,
} from './decide-order.ts';
import type { EntryKind } from './details.ts';
import { decideErasure } from './erasure.ts';
import { holdExtensions } from './holds.ts';
import type { Unknowable } from './rederived.ts';
import type { ControlState, Credential } from './state.ts';

/** Codes that hang on what the request said, which a refusal does not keep. */
const ofBody: ReadonlySet<string> = new Set([
  'order.version',
  'order.estimate_missing',
  'order.estimate_differs',
  'order.amendment',
  'order.ground',
  'order.answer_time',
  'order.objection_late',
  'order.no_follow_up',
  'order.preserved_under',
]);
/** Codes for what is outside the ledger. */
const outside: ReadonlySet<string> = new Set(['order.case_file', 'order.invalid', 'order.document']);

/** A request about an order that was refused. `kind`: what it would have left, had it been allowed. */
interface Refused {
  readonly orderId: string;
  readonly code: string;
  readonly kind: EntryKind;
  readonly credential: Credential;
}

/** Whether a refusal of a request about an order holds, as far as the entries before it tell. */
export function orderRefusalHolds(state: ControlState, at: string, refused: Refused): boolean | Unknowable {
  const { orderId, code, kind, credential } = refused;
  if (outside.has(code)) return 'outside';
  if (kind === 'access.granted') {
    if (code === 'order.erased') return state.orders.get(orderId)?.erasedAt !== undefined;
    return code === 'order.unknown' ? !decideOrderReading(state, orderId, credential, at).ok : 'outside';
  }
  const byState = stateRefusal(state, at, refused);
  // Who may answer depends on the answer.
  const isOfAnswer = kind === 'order.notification_answered' && code === 'order.own_registration';
  // The state is looked at before the body, so that what it refuses is refused for that.
  if (ofBody.has(code) || isOfAnswer) return byState === null ? 'outside' : false;
  return byState === code;
}

/** The same of a request to keep for longer, or to lift a hold. */
export function holdRefusalHolds(
  state: ControlState,
  at: string,
  { orderId, code, kind, credential }: Refused,
): boolean {
  const decisions =
    kind === 'hold.lifted'
      ? [decideHoldLifting(state, orderId, credential, at)]
      : // Which of them it was is in the body, which a refusal does not keep.
        holdExtensions.map((reason) => decideHoldExtension(state, orderId, credential, at, reason));
  return decisions.some((decision) => !decision.ok && decision.code === code);
}

/** Why the state alone refuses such a step, whatever the request says; null where it does not. */
function stateRefusal(
  state: ControlState,
  at: string,
  { orderId, kind, credential }: Refused,
): string | null {
  const details = state.orders.get(orderId)?.details;
  const version = details?.version ?? 1;
  const named = { orderId, version };
  const nothing = { grounds: [], regime: undefined };
  const decide = () => {
    switch (kind) {
      case 'order.approved':
        return decideApproval(state, orderId, credential, at, named);
      case 'order.rejected':
        return decideRejection(state, named, credential, at, { regime: undefined });
      case 'order.amended':
        return details ? decideAmendment(state, orderId, { ...details, version: version + 1 }, at) : null;
      case 'order.suspended':
        return decideSuspension(state, orderId, at);
      case 'order.resumed':
        return decideResumption(state, named, credential, at);
      case 'order.revoked':
        return decideRevocation(state, orderId);
      case 'order.clarification_asked':
        return decideClarification(state, named, at, nothing);
      case 'order.clarification_answered':
        return decideClarified(state, orderId, at, at);
      case 'order.notification_answered':
        return decideNotificationAnswer(state, orderId, credential, at, {
          version,
          answer: 'objection',
          receivedAt: at,
          ...nothing,
        });
      case 'order.followed_up':
        return decideFollowUp(state, named, at, '');
      case 'case.erased':
        return decideErasure(state, orderId, credential, at);
      default:
        return null;
    }
  };
  if (details === undefined) return 'order.unknown';
  const decision = decide();
  return decision === null || decision.ok || ofBody.has(decision.code) ? null : decision.code;
}

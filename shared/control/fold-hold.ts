import {
  decideHoldExtension,
  decideHoldLifting,
  decideKeptHold,
  decidePlacing,
  type HoldRefusal,
} from './decide-hold.ts';
import type { Decision } from './decision.ts';
import { type AnyControlEntry, ControlError } from './entry.ts';
import { type HoldDraft, type HoldKind, nextHold } from './holds.ts';
import type { ControlState } from './state.ts';

type HoldEntry = Extract<AnyControlEntry, { kind: HoldKind }>;

/** Folds an entry about a hold, which follows all rules of holds. @throws ControlError */
export function foldHold(state: ControlState, entry: HoldEntry, orderId: string, index: number): void {
  const decision = decide(state, entry, orderId);
  if (!decision.ok) throw new ControlError(index, `the rules of holds refuse it (${decision.code})`);
  state.holds.set(orderId, nextHold(state.holds.get(orderId), orderId, entry, entry.at));
}

function decide(state: ControlState, entry: HoldEntry, orderId: string): Decision<object, HoldRefusal> {
  const { at, actor } = entry;
  const credential = 'credential' in actor ? state.credentials.get(actor.credential) : undefined;
  const person = { personId: credential?.personId ?? '' };
  switch (entry.kind) {
    case 'hold.placed':
      return decidePlacing(state, orderId, entry.details, at);
    case 'hold.extended': {
      const { reason, until } = entry.details;
      const decision = decideHoldExtension(state, orderId, person, at, reason);
      return !decision.ok || decision.until === until ? decision : { ok: false, code: 'hold.differs' };
    }
    case 'hold.lifted':
      return decideHoldLifting(state, orderId, person, at);
    default:
      return decideKeptHold(state, { ...entry, subject: orderId } as HoldDraft, at);
  }
}

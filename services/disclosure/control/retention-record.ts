import type { CaseFiles } from '#shared/case-files';
import {
  type AnyControlEntry,
  type ControlState,
  type DiskKeyDraft,
  type DiskKeyRefusal,
  decideDiskKey,
  decideKeptHold,
  decideRetention,
  type HoldDraft,
  type HoldRefusal,
  holdsDue,
  holdsInForce,
  isDiskKeyDraft,
  isHoldDraft,
  isHoldOpen,
  type RetentionDraft,
  type RetentionRefusal,
} from '#shared/control';
import type { RetentionRecord, RetentionView } from '#shared/retention';
import type { ControlPlane } from './control-plane.ts';
import { holdScope, holdTasks, placeHolds } from './holds.ts';

/** The rules of expiry do not allow an entry. */
export class RetentionRefused extends Error {
  readonly code: string;
  constructor(code: string) {
    super(`an entry about expiry was refused (${code})`);
    this.name = 'RetentionRefused';
    this.code = code;
  }
}

/** What the ledger says of expiry and time, at a clock reading. */
export function retentionView(state: Readonly<ControlState>, now: string): RetentionView {
  const { retention, diskKeys, latestAt, believedAt, size, signedSize } = state;
  const holds = [...state.holds.values()].filter(isHoldOpen).length + holdsDue(state, now).length;
  return { ...retention, diskKeys, holds, now, latestAt, believedAt, size, signedSize };
}

export type ExpiryDraft = RetentionDraft | DiskKeyDraft | HoldDraft;

/** Whether an entry about expiry, about holds, or about the keys that die with it, may follow. */
export function decideOnExpiry(
  state: Readonly<ControlState>,
  draft: ExpiryDraft,
  at: string,
):
  | { readonly ok: true }
  | { readonly ok: false; readonly code: DiskKeyRefusal | RetentionRefusal | HoldRefusal } {
  if (isDiskKeyDraft(draft)) return decideDiskKey(state.diskKeys, draft, at);
  if (isHoldDraft(draft)) return decideKeptHold(state, draft, at);
  // An order that was recorded just now keeps, too, before its hold is in the ledger.
  if (draft.kind === 'retention.started' && holdsDue(state, at).length > 0) {
    return { ok: false, code: 'retention.hold_pending' };
  }
  return decideRetention(state.retention, draft, at, holdsInForce(state, at));
}

/** For a retention service in the ledger's own process. */
export function createRetentionRecord(control: ControlPlane, cases: CaseFiles): RetentionRecord {
  return {
    view: async () =>
      (
        await control.transact((state, at) => ({ entries: [], result: retentionView(state, at) }), {
          // Whether the clock may be believed is for the reader to say.
          underAnyClock: true,
        })
      ).result,
    holds: async () => {
      await placeHolds(control);
      const { result } = await control.transact(
        (state, at) => ({ entries: [], result: holdTasks(state, at) }),
        { underAnyClock: true },
      );
      return result;
    },
    holdScope: async (orderId) => {
      const { result } = await control.transact(
        async (state, at) => ({ entries: [], result: await holdScope(cases, state, orderId, at) }),
        { underAnyClock: true },
      );
      return result;
    },
    append: async (draft) => {
      await control.transact((state, at) => {
        const decision = decideOnExpiry(state, draft, at);
        if (!decision.ok) throw new RetentionRefused(decision.code);
        const entry = { ...draft, at, actor: { service: 'retention' } } as AnyControlEntry;
        return { entries: [entry], result: undefined };
      });
    },
  };
}

import {
  type AnyControlEntry,
  type ControlState,
  type DiskKeyDraft,
  type DiskKeyRefusal,
  decideDiskKey,
  decideRetention,
  isDiskKeyDraft,
  type RetentionDraft,
  type RetentionRefusal,
} from '#shared/control';
import type { RetentionRecord, RetentionView } from '#shared/retention';
import type { ControlPlane } from './control-plane.ts';

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
  return { ...retention, diskKeys, now, latestAt, believedAt, size, signedSize };
}

/** Whether an entry about expiry, or about the keys that die with it, may follow. */
export function decideOnExpiry(
  state: Readonly<ControlState>,
  draft: RetentionDraft | DiskKeyDraft,
  at: string,
): { readonly ok: true } | { readonly ok: false; readonly code: DiskKeyRefusal | RetentionRefusal } {
  return isDiskKeyDraft(draft)
    ? decideDiskKey(state.diskKeys, draft, at)
    : decideRetention(state.retention, draft, at);
}

/** For a retention service in the ledger's own process. */
export function createRetentionRecord(control: ControlPlane): RetentionRecord {
  return {
    view: async () =>
      (
        await control.transact((state, at) => ({ entries: [], result: retentionView(state, at) }), {
          // Whether the clock may be believed is for the reader to say.
          underAnyClock: true,
        })
      ).result,
    append: async (draft: RetentionDraft | DiskKeyDraft) => {
      await control.transact((state, at) => {
        const decision = decideOnExpiry(state, draft, at);
        if (!decision.ok) throw new RetentionRefused(decision.code);
        const entry = { ...draft, at, actor: { service: 'retention' } } as AnyControlEntry;
        return { entries: [entry], result: undefined };
      });
    },
  };
}

import type { CaseFiles } from '#shared/case-files';
import {
  type AnyControlEntry,
  type ControlState,
  decideClock,
  holdOver,
  holdsDue,
  holdUntil,
  isHoldInUse,
  isHoldScopeReadable,
} from '#shared/control';
import type { HoldScope, HoldTask } from '#shared/retention';
import type { ControlPlane } from './control-plane.ts';
import { getOrder } from './order-file.ts';

/** Entries for the holds of orders that are recorded, and whose holds are not in the ledger yet. */
export function holdsToPlace(state: Readonly<ControlState>, at: string): AnyControlEntry[] {
  return holdsDue(state, at).map(
    ({ orderId: subject, ...details }): AnyControlEntry => ({
      kind: 'hold.placed',
      at,
      actor: { service: 'disclosure' },
      subject,
      details,
    }),
  );
}

/** Places what is due, under a clock that decides something. */
export async function placeHolds(control: ControlPlane): Promise<void> {
  if (holdsDue(control.state, control.state.latestAt).length === 0) return;
  await control.transact(
    (state, at) => ({ entries: decideClock(state, at).ok ? holdsToPlace(state, at) : [], result: undefined }),
    { underAnyClock: true },
  );
}

/** Holds that are placed and not removed, for who looks after them. */
export function holdTasks(state: Readonly<ControlState>, at: string): HoldTask[] {
  return [...state.holds.values()].flatMap((hold) => {
    const order = state.orders.get(hold.orderId);
    if (order === undefined || hold.deleted !== undefined) return [];
    const { orderId, since, ended, copied } = hold;
    return [
      {
        orderId,
        version: order.details.version,
        since,
        until: holdUntil(state, order),
        copied: copied !== undefined,
        over: ended?.reason ?? holdOver(state, order, at),
        inUse: isHoldInUse(state, orderId),
        ended: ended === undefined ? null : { records: ended.records, bytes: ended.bytes },
      },
    ];
  });
}

/**
 * What is to be copied for an order: of one to produce what was stored at its receipt, of one to preserve also
 * what comes while it keeps.
 * @returns null where the order keeps nothing
 */
export async function holdScope(
  cases: CaseFiles,
  state: Readonly<ControlState>,
  orderId: string,
  at: string,
): Promise<HoldScope | null> {
  const order = state.orders.get(orderId);
  if (order === undefined || !isHoldScopeReadable(state, orderId, at)) return null;
  const file = await getOrder(cases, order);
  const { scope, receivedAt, type } = file.order;
  const collectedUpTo = type === 'produce' ? receivedAt : holdUntil(state, order);
  return { version: order.details.version, scope: { ...scope, collectedUpTo } };
}

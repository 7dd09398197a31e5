import type { IncompleteReason, Manifest } from '#shared/disclosure-package';
import type { Scope } from '#shared/orders';
import type { DataWindow } from '#shared/store';

export interface WindowOfRelease {
  readonly window: Manifest['window'];
  readonly reasons: readonly IncompleteReason[];
}

/**
 * Which part of the window asked for there can be data of. Griffie holds what was collected from the later
 * of its first collection and the beginning of the retention period, up to the order's receipt.
 * @param heldFrom first instant of collection that is still within retention; null where nothing is held
 */
export function windowOfRelease(scope: Scope, held: DataWindow | null): WindowOfRelease {
  const asked = { from: scope.from, to: scope.to };
  const reasons: IncompleteReason[] = [];
  const reach = scope.collectedUpTo;
  if (held === null || held.firstCollectedAt >= scope.to || reach <= scope.from) {
    return { window: { asked, available: null }, reasons: ['window.before_retention'] };
  }
  // An event occurs before it is collected; the earliest event held bounds what the past can answer.
  const from = held.firstOccurredAt > scope.from ? held.firstOccurredAt : scope.from;
  const to = reach < scope.to ? reach : scope.to;
  if (from > scope.from) reasons.push('window.before_retention');
  if (to < scope.to) reasons.push('window.after_reach');
  if (from >= to) return { window: { asked, available: null }, reasons };
  return { window: { asked, available: { from, to } }, reasons };
}

import type { IncompleteReason, Manifest } from '#shared/disclosure-package';
import type { Scope } from '#shared/orders';
import type { DataWindow } from '#shared/store';

export interface WindowOfRelease {
  readonly window: Manifest['window'];
  readonly reasons: readonly IncompleteReason[];
}

/**
 * Which part of the window asked for there can be data of: from the oldest event held to the order's
 * receipt. What lies outside is named as a reason, so that silence about it is not read as "nothing happened".
 * @param held null where nothing is held at all
 */
export function windowOfRelease(
  scope: Scope,
  held: Pick<DataWindow, 'firstOccurredAt'> | null,
): WindowOfRelease {
  const asked = { from: scope.from, to: scope.to };
  const oldest = held?.firstOccurredAt ?? scope.collectedUpTo;
  const from = oldest > scope.from ? oldest : scope.from;
  const to = scope.collectedUpTo < scope.to ? scope.collectedUpTo : scope.to;
  const reasons: IncompleteReason[] = [];
  if (oldest > scope.from) reasons.push('window.before_data');
  if (scope.collectedUpTo < scope.to) reasons.push('window.after_reach');
  return { window: { asked, available: from < to && held !== null ? { from, to } : null }, reasons };
}

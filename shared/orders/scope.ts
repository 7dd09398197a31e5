import { type CategoryId, type TrafficEvent, typesOfCategories } from '#shared/traffic';
import { type Target, targetMatches } from './target.ts';

/** What may be released: every record must satisfy all of it. Times are RFC 3339 UTC with milliseconds. */
export interface Scope {
  /** At least one; a record about any of them is in scope. */
  readonly targets: readonly Target[];
  /** First instant of `occurredAt` in scope. */
  readonly from: string;
  /** First instant after the scope. */
  readonly to: string;
  readonly categories: readonly CategoryId[];
  /**
   * Records collected after this instant are out: an order reaches what was stored when it was received
   * (Regulation (EU) 2023/1543, recital 19).
   */
  readonly collectedUpTo: string;
}

/** The rule itself, in JavaScript; the store's SQL is held against it by a property test. */
export function eventInScope(event: TrafficEvent, scope: Scope): boolean {
  return (
    event.occurredAt >= scope.from &&
    event.occurredAt < scope.to &&
    event.collectedAt <= scope.collectedUpTo &&
    typesOfCategories(scope.categories).includes(event.type) &&
    scope.targets.some((target) => targetMatches(target, event))
  );
}

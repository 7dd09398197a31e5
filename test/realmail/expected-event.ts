import type { TrafficEvent } from '#shared/traffic';

/**
 * An event that must be found, as the test's client knows it from what it did and was answered. Fields
 * that the client cannot know (queue ids of other messages, the server's times) are left out.
 */
export type ExpectedEvent = Partial<TrafficEvent> & Pick<TrafficEvent, 'type' | 'software'>;

export interface MatchResult {
  /** Expected, and not found. */
  readonly missing: readonly ExpectedEvent[];
  /** Found, and not expected; a second copy of an expected event is one. */
  readonly unexpected: readonly TrafficEvent[];
}

/**
 * Pairs each expected event with one found event that has all its fields, each found event once. The most
 * specific expectations choose first; within that the order does not matter, as long as expectations
 * that overlap differ in what they leave out only.
 */
export function matchEvents(expected: readonly ExpectedEvent[], found: readonly TrafficEvent[]): MatchResult {
  const left = new Set(found);
  const missing: ExpectedEvent[] = [];
  const specificFirst = [...expected].sort((a, b) => Object.keys(b).length - Object.keys(a).length);
  for (const wanted of specificFirst) {
    const match = [...left].find((event) => hasFields(event, wanted));
    if (match === undefined) missing.push(wanted);
    else left.delete(match);
  }
  return { missing, unexpected: [...left] };
}

function hasFields(event: TrafficEvent, wanted: ExpectedEvent): boolean {
  const fields = new Map<string, unknown>(Object.entries(event));
  return Object.entries(wanted).every(([name, value]) => fields.get(name) === value);
}

import { utc } from '#shared/runtime';
import { type CanonicalEvent, recognizeCanonical } from '#shared/traffic';
import { maxClockSkewMs } from './parse.ts';

/*
 * Takes a record as it came, without parsing it, where that is safe: it is in the canonical form of an event,
 * and its times are well within bounds. `parseRecord` would accept it too, and give the same event; of what
 * is not taken here it decides. Property tests hold one against the other.
 */

/** A record collected so lately is retained by every period there is: the shortest month has 28 days. */
const freshMs = 27 * 86_400_000;

/** Within what `parseRecord` allows. */
const occurredFrom = '1971';
const occurredBefore = '2199';

/**
 * @param now milliseconds since the epoch
 * @returns what gives a record's event, or null where `parseRecord` must look
 */
export function createFastPath(now: number): (value: Uint8Array) => CanonicalEvent | null {
  const collectedFrom = utc(now - freshMs);
  const collectedUpTo = utc(now + maxClockSkewMs);
  return (value) => {
    const found = recognizeCanonical(value);
    if (found === null) return null;
    const { event, occurredAt, collectedAt } = found;
    const inTime =
      collectedAt >= collectedFrom &&
      collectedAt <= collectedUpTo &&
      occurredAt >= occurredFrom &&
      occurredAt < occurredBefore;
    return inTime ? event : null;
  };
}

import { hash } from 'node:crypto';

/**
 * Deterministic event id: the first 128 bits of SHA-256 over the source's identity, the position of the
 * line that gave the event, and its ordinal among that line's events. Reading the line again after a
 * crash gives the same id, so a reader sees the event once. Lengths are framed, so that no two different
 * triples hash alike.
 */
export function eventIdFor(sourceId: string, sourcePosition: string, ordinal: number): string {
  const framed = JSON.stringify(['griffie-event/v1', sourceId, sourcePosition, ordinal]);
  return hash('sha256', framed, 'hex').slice(0, 32);
}

import { type CanonicalEvent, canonicalStart, type TrafficEvent } from '#shared/traffic';
import { rowFromEvent } from './columns.ts';

/** An event to insert, as an object or as the bytes of its canonical form. */
export type StorableEvent = TrafficEvent | CanonicalEvent;

/**
 * The rows of events, in order, each with its line feed. A canonical event's bytes are its row but for the
 * id's name: they are copied, not parsed.
 */
export function eventRows(events: readonly StorableEvent[]): Buffer {
  const parts = events.map((event) =>
    event instanceof Uint8Array ? event : Buffer.from(rowFromEvent(event)),
  );
  const size = parts.reduce((sum, part) => sum + part.byteLength + longestAddition, 0);
  const rows = Buffer.allocUnsafe(size);
  let at = 0;
  for (const [index, part] of parts.entries()) {
    if (part === events[index]) {
      rowStart.copy(rows, at);
      at += rowStart.byteLength;
      rows.set(part.subarray(canonicalStart.length), at);
      at += part.byteLength - canonicalStart.length;
    } else {
      rows.set(part, at);
      at += part.byteLength;
    }
    rows[at++] = lineFeed;
  }
  return rows.subarray(0, at);
}

const lineFeed = 0x0a;
/** The table takes the id as hex digits under this name (`insertColumns`). */
const rowStart = Buffer.from(canonicalStart.replace('"eventId"', '"eventIdHex"'));
const longestAddition = rowStart.byteLength - canonicalStart.length + 1;

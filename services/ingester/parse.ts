import { parseStrictJson } from '#shared/runtime';
import { isRetained, type RetentionPeriod } from '#shared/store';
import { type TrafficEvent, trafficEventSchema, trafficSchemaVersion } from '#shared/traffic';

/** Longest record taken. A valid event has less than a tenth of it. */
export const maxRecordBytes = 65_536;

/** How far ahead of ours a collector's clock may be. Further, and the event would outlive its period. */
export const maxClockSkewMs = 3_600_000;

/** What the store's time columns can hold; a mail server's clock outside of it is broken. */
const occurredFrom = '1970-01-01T00:00:00.000Z';
const occurredBefore = '2200-01-01T00:00:00.000Z';

/** Why a record of the bus is no event to store. Stable names: counted, shown, kept with the record. */
export const rejectionReasons = [
  'record.too_large',
  'record.not_utf8',
  'record.malformed',
  'record.duplicate_member',
  'record.too_deep',
  'schema.version',
  'schema.invalid',
  'text.not_well_formed',
  'time.out_of_range',
  'time.collected_in_future',
  'retention.expired',
] as const;
export type RejectionReason = (typeof rejectionReasons)[number];

export type ParsedRecord =
  | { readonly ok: true; readonly event: TrafficEvent }
  | { readonly ok: false; readonly reason: RejectionReason };

const refuse = (reason: RejectionReason): ParsedRecord => ({ ok: false, reason });

/** One record's value, strictly. @param now milliseconds since the epoch */
export function parseRecord(value: Uint8Array, now: number, retention: RetentionPeriod): ParsedRecord {
  if (value.byteLength > maxRecordBytes) return refuse('record.too_large');
  const json = parseStrictJson(value);
  if (!json.ok) return refuse(`record.${json.reason}`);
  if (hasOtherVersion(json.value)) return refuse('schema.version');
  const parsed = trafficEventSchema.safeParse(json.value);
  if (!parsed.success) return refuse('schema.invalid');
  const event = parsed.data;
  // JSON can spell half a surrogate pair, which is no text: the store could not take its row, nor its batch.
  for (const member of Object.values(event)) {
    if (typeof member === 'string' && /\p{Surrogate}/u.test(member)) return refuse('text.not_well_formed');
  }
  if (event.occurredAt < occurredFrom || event.occurredAt >= occurredBefore) {
    return refuse('time.out_of_range');
  }
  const collectedAt = Date.parse(event.collectedAt);
  if (collectedAt > now + maxClockSkewMs) return refuse('time.collected_in_future');
  if (!isRetained(collectedAt, now, retention)) return refuse('retention.expired');
  return { ok: true, event };
}

/** Told apart from other faults, because it means that producer and consumer were not upgraded together. */
function hasOtherVersion(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('schemaVersion' in value)) return false;
  return value.schemaVersion !== trafficSchemaVersion;
}

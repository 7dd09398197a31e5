import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { BusRecord, OutgoingRecord } from '#shared/bus';
import { parseStrictJson } from '#shared/runtime';
import type { RejectedRecord } from '#shared/store';
import { utcTimestamp } from '#shared/traffic';
import type { RejectionReason } from './parse.ts';

/** Bytes of a rejected record that are kept. An event that is nearly right fits; a foreign document does not. */
const keptBytes = 8192;

const rejectedRecordSchema = z.strictObject({
  coordinates: z.string().min(1).max(512),
  reason: z.string().min(1).max(64),
  rejectedAt: utcTimestamp,
  valueBase64: z.base64().max(Math.ceil(keptBytes / 3) * 4),
  valueBytes: z.int().nonnegative(),
  valueSha256: z.string().regex(/^[0-9a-f]{64}$/),
}) satisfies z.ZodType<RejectedRecord>;

const describe = (record: BusRecord, reason: string, rejectedAt: string): RejectedRecord => ({
  coordinates: record.coordinates,
  reason,
  rejectedAt,
  valueBase64: Buffer.from(keptOf(record.value, reason)).toString('base64'),
  valueBytes: record.value.byteLength,
  valueSha256: createHash('sha256').update(record.value).digest('hex'),
});

const expiredEvent = z.object({
  sourceId: z.string(),
  collectedAt: z.string().transform((at) => at.slice(0, 10)),
  eventId: z.string(),
});

/**
 * Of what is past its period nothing may be kept, or it would live once more as long among the rejects: only of
 * which source, day and event it was, because the day's sums count it.
 */
function keptOf(value: Uint8Array, reason: string): Uint8Array {
  if (reason !== 'retention.expired') return value.subarray(0, keptBytes);
  const json = parseStrictJson(value);
  const origin = json.ok ? expiredEvent.safeParse(json.value) : null;
  return Buffer.from(origin?.success ? JSON.stringify(origin.data) : '');
}

/** The record for the topic of rejects. Its first bytes, bounded, with the reason and where it stood. */
export function toRejectRecord(
  record: BusRecord,
  reason: RejectionReason,
  rejectedAt: string,
): OutgoingRecord {
  return { key: reason, value: Buffer.from(JSON.stringify(describe(record, reason, rejectedAt))) };
}

/** Reads a record of the topic of rejects; one that is none itself is kept all the same, as such. */
export function fromRejectRecord(record: BusRecord, now: string): RejectedRecord {
  const json = parseStrictJson(record.value);
  const parsed = json.ok ? rejectedRecordSchema.safeParse(json.value) : null;
  return parsed?.success ? parsed.data : describe(record, 'reject.malformed', now);
}

import { z } from 'zod';
import { utcTimestamp } from '#shared/traffic';
import { decodeUtf8 } from './base64.ts';
import { maxEntryBytes } from './entry-bundle.ts';
import { detailsSchema } from './entry-details.ts';
import { LedgerError } from './errors.ts';

/** Version of the entry's format. A change of meaning or of a field raises it; old entries stay readable. */
export const entryVersion = 1;

/** What can happen. The order is that of LEDGER.md's list; nothing depends on it. */
export const entryKinds = [
  'ledger.started',
  'ledger.key_rotated',
  'ledger.voided',
  'credential.enrolled',
  'credential.confirmed',
  'credential.rotated',
  'credential.revoked',
  'order.recorded',
  'order.approved',
  'order.rejected',
  'order.amended',
  'order.estimated',
  'order.suspended',
  'order.resumed',
  'order.revoked',
  'order.expired',
  'order.clarification_asked',
  'order.clarification_answered',
  'order.notification_answered',
  'order.followed_up',
  'order.deadline_alarm',
  'case.erased',
  'disclosure.requested',
  'disclosure.refused',
  'disclosure.released',
  'disclosure.failed',
  'disclosure.cancelled',
  'disclosure.interrupted',
  'disclosure.collected',
  'disclosure.acknowledged',
  'access.granted',
  'access.refused',
  'access.noise',
  'hold.placed',
  'hold.copied',
  'hold.extended',
  'hold.lifted',
  'hold.ended',
  'hold.deleted',
  'retention.purged',
  'retention.configured',
  'retention.started',
  'retention.certified',
  'retention.overdue',
  'retention.reconciled',
  'retention.package_removed',
  'pattern.alarm',
  'disk_key.created',
  'disk_key.retired',
  'disk_key.destroyed',
  'revocation_list.taken',
  'statistics.exported',
  'configuration.changed',
] as const;
export type EntryKind = (typeof entryKinds)[number];

export const actorRoles = [
  'administrator',
  'registrar',
  'reviewer',
  'officer',
  'auditor',
  'retention',
] as const;

/** JWK thumbprint (RFC 7638, SHA-256) in base64url. */
const thumbprint = z.string().regex(/^[A-Za-z0-9_-]{43}$/);

/** Who did it: a person by the credential used, or a service by its name. */
export const actorSchema = z.union([
  z.strictObject({ credential: thumbprint, role: z.enum(actorRoles) }),
  z.strictObject({ service: z.string().regex(/^[a-z][a-z-]{0,31}$/) }),
]);

/**
 * One ledger entry. `details` is what the kind adds; its schema per kind belongs to who writes the kind.
 *
 * No field takes an e-mail address, an IP address or a name: ids have neither dots, colons nor at signs,
 * and what a case file says is only committed to, by salted digests.
 */
export const ledgerEntrySchema = z.strictObject({
  v: z.literal(entryVersion),
  kind: z.enum(entryKinds),
  /** UUIDv7 (RFC 9562). An append whose outcome stayed in doubt is told from a new one by it. */
  id: z.uuidv7().lowercase(),
  /** Clock reading of the decision, RFC 3339 UTC with milliseconds. */
  at: utcTimestamp,
  actor: actorSchema,
  /** Order, disclosure, hold or credential that this is about. */
  subject: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/)
    .optional(),
  /** The signed request that caused the entry: a compact JWS, or five segments where a passkey signed it. */
  evidence: z
    .string()
    .max(16_384)
    .regex(/^[A-Za-z0-9_-]+(?:(?:\.[A-Za-z0-9_-]+){2}|(?:\.[A-Za-z0-9_-]+){4})$/)
    .optional(),
  /** Salted SHA-256 (hexadecimal) of what stays outside the ledger, by what it is. See `commitTo`. */
  commitments: z
    .record(z.string().regex(/^[a-z][A-Za-z0-9]{0,31}$/), z.string().regex(/^[0-9a-f]{64}$/))
    .refine((commitments) => Object.keys(commitments).length <= 16)
    .optional(),
  details: detailsSchema,
});
export type LedgerEntry = z.infer<typeof ledgerEntrySchema>;

/**
 * The exact bytes that become the leaf: JSON with the envelope's fields in the schema's order.
 * @throws LedgerError `ledger.entry_invalid`; the message names the fields that are wrong, never a value.
 */
export function encodeEntry(entry: LedgerEntry): Uint8Array {
  const parsed = ledgerEntrySchema.safeParse(entry);
  if (!parsed.success) {
    const fields = new Set(parsed.error.issues.map(({ path }) => String(path[0] ?? 'entry')));
    throw new LedgerError('ledger.entry_invalid', `The entry is invalid in: ${[...fields].join(', ')}.`);
  }
  const bytes = Buffer.from(JSON.stringify(parsed.data));
  if (bytes.length > maxEntryBytes) {
    throw new LedgerError('ledger.entry_invalid', `An entry has at most ${maxEntryBytes} bytes.`);
  }
  return bytes;
}

/**
 * Reads a leaf's bytes back. Strict: bytes that `encodeEntry` would not have written (other spacing or
 * order, a member twice, an unknown field) are no entry.
 * @throws LedgerError `ledger.entry_invalid`.
 */
export function decodeEntry(bytes: Uint8Array): LedgerEntry {
  const text = bytes.length <= maxEntryBytes ? decodeUtf8(bytes) : null;
  const parsed = ledgerEntrySchema.safeParse(parseJson(text ?? ''));
  if (!parsed.success || JSON.stringify(parsed.data) !== text) {
    throw new LedgerError('ledger.entry_invalid', 'These bytes are no ledger entry of a known version.');
  }
  return parsed.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

import { asControlEntry, type ControlEntry, ControlError } from '#shared/control';
import type { ReadPackage } from '#shared/disclosure-package';
import { decodeEntry, LedgerError, parseReceipt, verifyReceipt } from '#shared/ledger';
import type { PinnedKeys } from './pin-file.ts';

/** Why a package's receipt does not show that the ledger announced it → what that means to its reader. */
export const receiptRefusals = {
  'receipt.malformed': 'The receipt is no receipt of a ledger; report this.',
  'receipt.no_entry': 'The receipt does not carry its ledger entry; report this.',
  'receipt.not_in_ledger':
    'The entry is not in a ledger that a pinned key signed. If the ledger changed its key, keep it with griffie service keys --known; else report this.',
  'receipt.not_a_release': 'The entry announces no release; report this.',
  'receipt.other_package': 'The entry announces another package than this one; report this.',
} as const;

export type ReceiptRefusalCode = keyof typeof receiptRefusals;

export type ReleaseReceipt =
  | {
      readonly ok: true;
      readonly index: number;
      /** When the release was recorded, RFC 3339 UTC. */
      readonly releasedAt: string;
      readonly checkpoint: { readonly origin: string; readonly size: number };
    }
  | { readonly ok: false; readonly code: ReceiptRefusalCode };

/**
 * Whether the receipt shows that the ledger announced exactly this package: the entry that it carries is
 * in a tree that the pinned key signed, and names the encrypted manifest's digest.
 */
export function verifyReleaseReceipt(
  { receipt, manifest, digests }: ReadPackage,
  { ledgerVerifier, earlierLedgerKeys }: Pick<PinnedKeys, 'ledgerVerifier' | 'earlierLedgerKeys'>,
): ReleaseReceipt {
  const refuse = (code: ReceiptRefusalCode): ReleaseReceipt => ({ ok: false, code });
  const text = receipt.toString('utf8');
  const parsed = parseReceipt(text);
  if (parsed === null) return refuse('receipt.malformed');
  if (parsed.extra === undefined) return refuse('receipt.no_entry');
  const { extra } = parsed;
  const verified = [{ verifier: ledgerVerifier, until: Number.MAX_SAFE_INTEGER }, ...earlierLedgerKeys]
    .map(({ verifier, until }) => ({ ...verifyReceipt(text, extra, [verifier]), until }))
    .find((tried) => tried.ok && tried.checkpoint.size <= tried.until);
  if (!verified?.ok) return refuse('receipt.not_in_ledger');
  const entry = readRelease(parsed.extra, verified.index);
  if (entry === null) return refuse('receipt.not_a_release');
  const { details, subject } = entry;
  const isThis =
    details.manifestSha256 === digests.encryptedManifest &&
    subject === manifest.requestId &&
    details.orderId === manifest.orderId &&
    details.packageId === manifest.packageId &&
    details.records === manifest.records &&
    details.parts === manifest.parts.length &&
    details.completeness === manifest.completeness.state;
  if (!isThis) return refuse('receipt.other_package');
  const { origin, size } = verified.checkpoint;
  return { ok: true, index: verified.index, releasedAt: entry.at, checkpoint: { origin, size } };
}

function readRelease(bytes: Uint8Array, index: number): ControlEntry<'disclosure.released'> | null {
  try {
    const entry = asControlEntry(index, decodeEntry(bytes));
    return entry.kind === 'disclosure.released' ? entry : null;
  } catch (error) {
    if (error instanceof LedgerError || error instanceof ControlError) return null;
    throw error;
  }
}

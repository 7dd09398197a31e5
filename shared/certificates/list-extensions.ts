import { DerError, naturalOf, oidOf, Reader, tags } from '#shared/der';

/** Extensions of a list and of its entries that change what is read of them (RFC 5280, sections 5.2 and 5.3). */
const known: Readonly<Record<string, ExtensionName>> = {
  '2.5.29.20': 'number',
  '2.5.29.27': 'deltaIndicator',
  '2.5.29.28': 'distributionPoint',
  '2.5.29.21': 'reason',
  '2.5.29.29': 'certificateIssuer',
};

export type ExtensionName =
  | 'number'
  | 'deltaIndicator'
  | 'distributionPoint'
  | 'reason'
  | 'certificateIssuer'
  | 'unknownCritical';

/** Why a certificate ended. */
export const revocationReasons = [
  'unspecified',
  'key_compromise',
  'ca_compromise',
  'affiliation_changed',
  'superseded',
  'cessation_of_operation',
  'certificate_hold',
  'privilege_withdrawn',
  'aa_compromise',
] as const;
export type RevocationReason = (typeof revocationReasons)[number];
/** Their numbers in RFC 5280, section 5.3.1. 7 is not used; 8, removeFromCRL, is said by lists of changes alone. */
const reasonNumbers = [0, 1, 2, 3, 4, 5, 6, 9, 10];

/**
 * Values by name. What is not known is left out, and `unknownCritical` is there where one of that said that
 * it must be known.
 * @throws DerError also where there are none, or one twice
 */
export function readExtensions(reader: Reader): ReadonlyMap<ExtensionName, Uint8Array> {
  const found = new Map<ExtensionName, Uint8Array>();
  const seen = new Set<string>();
  const all = reader.next(tags.sequence).content;
  reader.end();
  for (const { content } of new Reader(all).all(tags.sequence)) {
    const extension = new Reader(content);
    const oid = oidOf(extension.next());
    const critical = extension.optional(tags.boolean);
    // DER writes no default: where it is there, it is true.
    if (critical && (critical.content.length !== 1 || critical.content[0] !== 0xff)) throw new DerError();
    const value = extension.next(tags.octetString).content;
    extension.end();
    if (seen.has(oid)) throw new DerError();
    seen.add(oid);
    const name = Object.hasOwn(known, oid) ? known[oid] : undefined;
    if (name !== undefined) found.set(name, value);
    else if (critical) found.set('unknownCritical', value);
  }
  if (seen.size === 0) throw new DerError();
  return found;
}

/** Longest number of a list, in hexadecimal digits (RFC 5280, section 5.2.3). */
const numberDigits = 40;

export function integerIn(value: Uint8Array): string {
  const reader = new Reader(value);
  const number = naturalOf(reader.next());
  reader.end();
  if (number.length > numberDigits) throw new DerError();
  return number;
}

export function reasonIn(value: Uint8Array): RevocationReason {
  const reader = new Reader(value);
  const { content } = reader.next(tags.enumerated);
  reader.end();
  const reason = content.length === 1 ? revocationReasons[reasonNumbers.indexOf(content[0] ?? 7)] : undefined;
  if (reason === undefined) throw new DerError();
  return reason;
}

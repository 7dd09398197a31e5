import { createHash } from 'node:crypto';
import { context, DerError, naturalOf, oidOf, only, type Reader, tags } from '#shared/der';
import { utc } from '#shared/runtime';
import { integerIn, type RevocationReason, readExtensions, reasonIn } from './list-extensions.ts';

/*
 * Revocation lists (RFC 5280, section 5), strictly and in part: whole lists of version 2 by the authority that
 * issued the certificates, with a number and an end. Lists of changes (delta), of another authority's
 * certificates (indirect) and of some certificates alone (issuing distribution point) are refused: each
 * would need others beside it to be understood, and what is not on it would look as if it were good.
 */

/** Bounds of one list: bytes of its DER, and certificates on it. */
export const listLimits = { bytes: 8 * 1024 * 1024, revoked: 200_000 } as const;

export type ListRefusal =
  | 'revocation_list.too_large'
  | 'revocation_list.malformed'
  | 'revocation_list.delta'
  | 'revocation_list.indirect'
  | 'revocation_list.partial'
  | 'revocation_list.extension'
  | 'revocation_list.algorithm'
  | 'revocation_list.issuer'
  | 'revocation_list.signature'
  | 'revocation_list.usage'
  | 'revocation_list.authority';

/** What a list says of a certificate. */
export interface Revocation {
  /** When the authority revoked it, RFC 3339 UTC: of its own clock, and possibly before the list. */
  readonly revokedAt: string;
  readonly reason: RevocationReason;
}

export interface RevocationList {
  /** Of its DER, hexadecimal. */
  readonly sha256: string;
  readonly bytes: number;
  /** Name of its authority, DER. */
  readonly issuer: Uint8Array;
  /** The authority's count of its lists, hexadecimal without leading zeros. */
  readonly number: string;
  /** RFC 3339 UTC. */
  readonly thisUpdate: string;
  /** The authority has made another one by then. */
  readonly nextUpdate: string;
  /** By serial number, hexadecimal without leading zeros. */
  readonly revoked: ReadonlyMap<string, Revocation>;
  /** The bytes that were signed, the algorithm's OID and the signature. */
  readonly signed: Uint8Array;
  readonly algorithm: string;
  readonly signature: Uint8Array;
}

export type ListResult =
  | { readonly ok: true; readonly list: RevocationList }
  | { readonly ok: false; readonly code: ListRefusal };

/** Thrown while a list is read; never leaves this folder. */
export class ListError extends Error {
  override readonly name = 'ListError';
  readonly code: ListRefusal;
  constructor(code: ListRefusal) {
    super(code);
    this.code = code;
  }
}

/** Reads a list, DER. Who signed it is for `judgeList`. */
export function parseRevocationList(der: Uint8Array): ListResult {
  if (der.length > listLimits.bytes) return { ok: false, code: 'revocation_list.too_large' };
  try {
    return { ok: true, list: parse(der) };
  } catch (error) {
    if (error instanceof ListError) return { ok: false, code: error.code };
    if (error instanceof DerError) return { ok: false, code: 'revocation_list.malformed' };
    throw error;
  }
}

function parse(der: Uint8Array): RevocationList {
  const whole = only(der, tags.sequence, listLimits.bytes);
  const signed = whole.next(tags.sequence);
  const algorithm = whole.next(tags.sequence);
  const { content } = whole.next(tags.bitString);
  whole.end();
  // The first octet says how many bits are not used: none.
  if (content[0] !== 0) throw new DerError();

  const body = only(signed.bytes, tags.sequence, listLimits.bytes);
  // Version 2 is written as 1.
  if (naturalOf(body.next()) !== '1') throw new DerError();
  if (!Buffer.from(body.next(tags.sequence).bytes).equals(algorithm.bytes)) throw new DerError();
  const issuer = body.next(tags.sequence).bytes;
  const [thisUpdate, nextUpdate] = [timeOf(body), timeOf(body)];
  if (nextUpdate <= thisUpdate) throw new DerError();
  const revoked = body.peek() === tags.sequence ? readRevoked(body.enter(tags.sequence)) : new Map();
  const extensions = readExtensions(body.enter(context(0)));
  body.end();
  if (extensions.has('deltaIndicator')) throw new ListError('revocation_list.delta');
  const distribution = extensions.get('distributionPoint');
  if (distribution !== undefined) throw new ListError(refusalOf(distribution));
  if (extensions.has('unknownCritical')) throw new ListError('revocation_list.extension');
  const number = extensions.get('number');
  if (number === undefined) throw new DerError();
  return {
    sha256: createHash('sha256').update(der).digest('hex'),
    bytes: der.length,
    issuer,
    number: integerIn(number),
    thisUpdate,
    nextUpdate,
    revoked,
    signed: signed.bytes,
    algorithm: oidOf(only(algorithm.bytes, tags.sequence).next()),
    signature: content.subarray(1),
  };
}

function readRevoked(entries: Reader): ReadonlyMap<string, Revocation> {
  const revoked = new Map<string, Revocation>();
  while (entries.peek() !== null) {
    if (revoked.size === listLimits.revoked) throw new ListError('revocation_list.too_large');
    const entry = entries.enter(tags.sequence);
    const serial = serialOf(entry);
    const revokedAt = timeOf(entry);
    const extensions = entry.peek() === null ? null : readExtensions(entry);
    entry.end();
    if (extensions?.has('certificateIssuer')) throw new ListError('revocation_list.indirect');
    if (extensions?.has('unknownCritical')) throw new ListError('revocation_list.extension');
    // Twice the same: which of the two holds, nobody could say.
    if (revoked.has(serial)) throw new DerError();
    const reason = extensions?.get('reason');
    revoked.set(serial, { revokedAt, reason: reason === undefined ? 'unspecified' : reasonIn(reason) });
  }
  return revoked;
}

/** Longest serial number, in hexadecimal digits (RFC 5280, section 4.1.2.2). */
const serialDigits = 40;

function serialOf(entry: Reader): string {
  const serial = naturalOf(entry.next(tags.integer));
  if (serial.length > serialDigits) throw new DerError();
  return serial;
}

/** Of a list with a distribution point: it is about another authority's certificates, or a part of its own. */
function refusalOf(value: Uint8Array): ListRefusal {
  const points = only(value, tags.sequence).all();
  // `[4] indirectCRL`
  return points.some(({ tag, content }) => tag === 0x84 && content[0] === 0xff)
    ? 'revocation_list.indirect'
    : 'revocation_list.partial';
}

/** UTCTime or GeneralizedTime, in seconds and UTC, as RFC 5280 (section 4.1.2.5) has them. */
function timeOf(reader: Reader): string {
  const { tag, content } = reader.next();
  const text = Buffer.from(content).toString('latin1');
  const isShort = tag === tags.utcTime;
  if (!isShort && tag !== tags.generalizedTime) throw new DerError();
  const form = isShort ? /^\d{12}Z$/ : /^\d{14}Z$/;
  if (!form.test(text)) throw new DerError();
  const digits = isShort ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}` : text;
  const [, date, hour, minute, second] = /^(\d{8})(\d\d)(\d\d)(\d\d)Z$/.exec(digits) ?? [];
  const iso = `${date?.slice(0, 4)}-${date?.slice(4, 6)}-${date?.slice(6)}T${hour}:${minute}:${second}.000Z`;
  const ms = Date.parse(iso);
  // The thirty-first of February is read as another day.
  if (Number.isNaN(ms) || utc(ms) !== iso) throw new DerError();
  return iso;
}

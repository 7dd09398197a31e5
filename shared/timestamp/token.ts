import { context, DerError, type Element, naturalOf, oidOf, only, Reader, tags } from '#shared/der';

const oids = {
  signedData: '1.2.840.113549.1.7.2',
  tstInfo: '1.2.840.113549.1.9.16.1.4',
} as const;

/** Bounds of a token. */
const maxCertificates = 16;

/** What an authority states (RFC 3161, section 2.4.2). */
export interface TimestampInfo {
  /** OID of the digest over what was stamped. */
  readonly digestAlgorithm: string;
  readonly digest: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** In hexadecimal; undefined where the request had none. */
  readonly nonce: string | undefined;
}

/** A SignedData (RFC 5652) with one signer, taken apart. Nothing of it is verified. */
export interface TimestampToken {
  readonly info: TimestampInfo;
  /** The bytes that `info` was read from, and that the signed attributes have the digest of. */
  readonly content: Uint8Array;
  /** DER of each certificate that came along. */
  readonly certificates: readonly Uint8Array[];
  readonly signer: {
    /** Issuer and serial number, as they are in the certificate; null where it is named by key identifier. */
    readonly issuer: Uint8Array | null;
    readonly serial: string | null;
    readonly digestAlgorithm: string;
    /** By OID: the attribute's one value. */
    readonly attributes: ReadonlyMap<string, Element>;
    /** What is signed: the attributes as a SET. */
    readonly signedBytes: Uint8Array;
    readonly signatureAlgorithm: string;
    readonly signature: Uint8Array;
  };
}

export type ParsedResponse =
  | { readonly ok: true; readonly token: TimestampToken }
  /** `refused`: the authority says no; `malformed`: no answer of RFC 3161. */
  | { readonly ok: false; readonly reason: 'refused' | 'malformed' };

/** Reads a TimeStampResp. Strict: DER only, one signer, nothing left over. */
export function parseTimestampResponse(bytes: Uint8Array): ParsedResponse {
  try {
    const response = only(bytes, tags.sequence);
    const status = naturalOf(response.enter(tags.sequence).next());
    // Granted, or granted with modifications.
    if (status !== '0' && status !== '1') return { ok: false, reason: 'refused' };
    const token = parseToken(response.enter(tags.sequence));
    response.end();
    return { ok: true, token };
  } catch (error) {
    if (error instanceof DerError) return { ok: false, reason: 'malformed' };
    throw error;
  }
}

function parseToken(contentInfo: Reader): TimestampToken {
  expectOid(contentInfo.next(), oids.signedData);
  const signedData = only(contentInfo.next(context(0)).content, tags.sequence);
  contentInfo.end();
  naturalOf(signedData.next());
  signedData.next(tags.set);
  const encapsulated = signedData.enter(tags.sequence);
  expectOid(encapsulated.next(), oids.tstInfo);
  const octets = encapsulated.enter(context(0));
  const content = octets.next(tags.octetString).content;
  octets.end();
  encapsulated.end();
  const certificates = (signedData.optional(context(0)) ?? { content: new Uint8Array() }).content;
  signedData.optional(context(1));
  const signers = signedData.enter(tags.set).all(tags.sequence);
  signedData.end();
  const [signer] = signers;
  const found = new Reader(certificates).all(tags.sequence).map(({ bytes }) => bytes);
  if (signer === undefined || signers.length !== 1 || found.length > maxCertificates) throw new DerError();
  return { info: parseInfo(content), content, certificates: found, signer: parseSigner(signer.content) };
}

function parseInfo(bytes: Uint8Array): TimestampInfo {
  const info = only(bytes, tags.sequence);
  if (naturalOf(info.next()) !== '1') throw new DerError();
  oidOf(info.next());
  const imprint = info.enter(tags.sequence);
  const digestAlgorithm = oidOf(imprint.enter(tags.sequence).next());
  const digest = imprint.next(tags.octetString).content;
  imprint.end();
  naturalOf(info.next());
  const time = timeOf(info.next(tags.generalizedTime));
  info.optional(tags.sequence);
  info.optional(tags.boolean);
  const nonce = info.peek() === tags.integer ? naturalOf(info.next()) : undefined;
  info.optional(context(0));
  info.optional(context(1));
  info.end();
  return { digestAlgorithm, digest, time, nonce };
}

function parseSigner(bytes: Uint8Array): TimestampToken['signer'] {
  const signer = new Reader(bytes);
  naturalOf(signer.next());
  const name = signer.next();
  const named = name.tag === tags.sequence ? new Reader(name.content) : null;
  const issuer = named?.next(tags.sequence).bytes ?? null;
  const serial = named ? naturalOf(named.next()) : null;
  const digestAlgorithm = oidOf(signer.enter(tags.sequence).next());
  const signed = signer.next(context(0));
  const signatureAlgorithm = oidOf(signer.enter(tags.sequence).next());
  const signature = signer.next(tags.octetString).content;
  signer.optional(context(1));
  signer.end();
  // They are signed under the tag of a set, and carried under another (RFC 5652, section 5.4).
  const signedBytes = Buffer.concat([Uint8Array.of(tags.set), signed.bytes.subarray(1)]);
  const attributes = new Map<string, Element>();
  for (const { content } of new Reader(signed.content).all(tags.sequence)) {
    const attribute = new Reader(content);
    const oid = oidOf(attribute.next());
    const values = attribute.enter(tags.set).all();
    attribute.end();
    const [value] = values;
    if (value === undefined || values.length !== 1 || attributes.has(oid)) throw new DerError();
    attributes.set(oid, value);
  }
  return { issuer, serial, digestAlgorithm, attributes, signedBytes, signatureAlgorithm, signature };
}

function expectOid(element: Element, oid: string): void {
  if (oidOf(element) !== oid) throw new DerError();
}

/** `YYYYMMDDhhmmss[.s…]Z` (RFC 3161, section 2.4.2). */
function timeOf({ content }: Element): number {
  const text = Buffer.from(content).toString('latin1');
  const match = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(?:\.(\d{0,8}[1-9]))?Z$/.exec(text);
  const [, year, month, day, hour, minute, second, fraction = ''] = match ?? [];
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.slice(0, 3).padEnd(3, '0')}Z`;
  const time = Date.parse(iso);
  if (Number.isNaN(time) || new Date(time).toISOString() !== iso) throw new DerError();
  return time;
}

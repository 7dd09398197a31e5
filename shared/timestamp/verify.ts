import { createHash, verify, type X509Certificate } from 'node:crypto';
import { DerError, oidOf, only, type SignatureAlgorithm, signatureAlgorithms, tags } from '#shared/der';
import { type Certificate, chainFault, parseCertificate } from './certificate.ts';
import { parseTimestampResponse, type TimestampToken } from './token.ts';

/** Digests by OID. SHA-1 and older ones are none. */
const digests: Readonly<Record<string, string>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};

/** Signature algorithms by OID: the key's type, and the digest where the OID has it. */
const signatures: Readonly<Record<string, SignatureAlgorithm>> = {
  ...signatureAlgorithms,
  '1.2.840.113549.1.1.1': { key: 'rsa' },
};

const attributes = {
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingCertificate: '1.2.840.113549.1.9.16.2.12',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
  tstInfo: '1.2.840.113549.1.9.16.1.4',
} as const;

const minRsaBits = 2048;

export type TimestampRefusal =
  /** No answer of RFC 3161 in DER. */
  | 'timestamp.malformed'
  /** The authority did not grant it. */
  | 'timestamp.refused'
  /** It is over something else. */
  | 'timestamp.other_data'
  /** It answers another question. */
  | 'timestamp.other_nonce'
  /** An algorithm that is too old, or not known here. */
  | 'timestamp.algorithm'
  /** The certificate of who signed is not in it, or not the one that the signature is bound to. */
  | 'timestamp.no_certificate'
  /** The signature does not hold. */
  | 'timestamp.signature'
  /** The certificate is not one for time stamps. */
  | 'timestamp.purpose'
  /** It does not lead to an authority that is trusted. */
  | 'timestamp.untrusted'
  /** A certificate was not valid at the time of the stamp. */
  | 'timestamp.not_valid_then';

export type VerifiedTimestamp =
  /** `time`: milliseconds since the epoch, by the authority's clock. */
  | { readonly ok: true; readonly time: number; readonly authority: string }
  | { readonly ok: false; readonly reason: TimestampRefusal };

/**
 * Whether an authority stamped exactly these bytes (RFC 3161; RFC 5816 for the binding of the certificate).
 * @param response the TimeStampResp as it came
 * @param anchors certificates of authorities that are trusted
 * @param nonce that of the request, where it is known
 */
export function verifyTimestamp(
  response: Uint8Array,
  data: Uint8Array,
  anchors: readonly X509Certificate[],
  nonce?: Uint8Array,
): VerifiedTimestamp {
  const refuse = (reason: TimestampRefusal): VerifiedTimestamp => ({ ok: false, reason });
  const parsed = parseTimestampResponse(response);
  if (!parsed.ok) return refuse(`timestamp.${parsed.reason}`);
  const { token } = parsed;
  const { info } = token;
  const imprint = digests[info.digestAlgorithm];
  if (imprint === undefined) return refuse('timestamp.algorithm');
  if (!createHash(imprint).update(data).digest().equals(info.digest)) return refuse('timestamp.other_data');
  if (nonce !== undefined && info.nonce !== hexOf(nonce)) return refuse('timestamp.other_nonce');
  try {
    const certificates = token.certificates.map(parseCertificate);
    const signer = findSigner(token, [...certificates, ...anchors.map(({ raw }) => parseCertificate(raw))]);
    if (signer === undefined) return refuse('timestamp.no_certificate');
    const fault = signatureFault(token, signer);
    if (fault !== null) return refuse(fault);
    if (!signer.isForTimestamps) return refuse('timestamp.purpose');
    const others = certificates.map(({ x509 }) => x509);
    const broken = chainFault(signer.x509, others, anchors, info.time);
    if (broken !== null) return refuse(`timestamp.${broken}`);
    return { ok: true, time: info.time, authority: signer.x509.subject.split('\n').at(-1) ?? '' };
  } catch (error) {
    if (error instanceof DerError) return refuse('timestamp.malformed');
    throw error;
  }
}

/** By issuer and serial number, and bound to the signature by its digest: another one for the same key is none. */
function findSigner(
  { signer }: TimestampToken,
  certificates: readonly Certificate[],
): Certificate | undefined {
  return certificates.find(({ x509, issuer, serial }) => {
    if (signer.issuer === null || Buffer.compare(signer.issuer, issuer) !== 0) return false;
    return signer.serial === serial && isBound(signer.attributes, x509.raw);
  });
}

function isBound(found: TimestampToken['signer']['attributes'], certificate: Uint8Array): boolean {
  const v2 = found.get(attributes.signingCertificateV2);
  const value = v2 ?? found.get(attributes.signingCertificate);
  if (value === undefined) return false;
  const first = only(value.bytes, tags.sequence).enter(tags.sequence).enter(tags.sequence);
  const algorithm = v2 === undefined ? undefined : first.optional(tags.sequence);
  const oid = algorithm && oidOf(only(algorithm.bytes, tags.sequence).next());
  // SHA-1 is what the first version has; it only chooses among the certificates that are verified anyway.
  const digest = v2 === undefined ? 'sha1' : oid === undefined ? 'sha256' : digests[oid];
  if (digest === undefined) return false;
  return createHash(digest).update(certificate).digest().equals(first.next(tags.octetString).content);
}

function signatureFault({ signer, content }: TimestampToken, { x509 }: Certificate): TimestampRefusal | null {
  const digest = digests[signer.digestAlgorithm];
  const algorithm = signatures[signer.signatureAlgorithm];
  if (digest === undefined || algorithm === undefined) return 'timestamp.algorithm';
  const { asymmetricKeyType, asymmetricKeyDetails } = x509.publicKey;
  const isShort = asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) < minRsaBits;
  if (asymmetricKeyType !== algorithm.key || isShort) return 'timestamp.algorithm';
  const type = signer.attributes.get(attributes.contentType);
  const stated = signer.attributes.get(attributes.messageDigest);
  if (type === undefined || oidOf(type) !== attributes.tstInfo) return 'timestamp.signature';
  if (stated?.tag !== tags.octetString) return 'timestamp.signature';
  if (!createHash(digest).update(content).digest().equals(stated.content)) return 'timestamp.signature';
  const holds = verify(algorithm.digest ?? digest, signer.signedBytes, x509.publicKey, signer.signature);
  return holds ? null : 'timestamp.signature';
}

const hexOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString('hex')
    .replace(/^0+(?=.)/, '');

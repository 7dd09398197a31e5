import { createHash, X509Certificate } from 'node:crypto';
import type * as X509 from '@peculiar/x509';
import { context, naturalOf, only, tags } from '#shared/der';

/** Bytes of one certificate, DER. */
export const maxCertificateBytes = 8192;

/** A certificate as OpenSSL reads it, with what that does not give. */
export interface Certificate {
  /** Names, signatures. */
  readonly native: X509Certificate;
  /** Extensions. */
  readonly parsed: X509.X509Certificate;
  readonly sha256: string;
  /** Hexadecimal without leading zeros. */
  readonly serial: string;
  /** Name of whom it is about, DER. */
  readonly subject: Uint8Array;
  /** See `authorityId`. */
  readonly id: string;
}

/** SHA-256 of a certificate, DER, hexadecimal. */
export const certificateDigest = (der: Uint8Array): string => createHash('sha256').update(der).digest('hex');

/**
 * What an authority is known by: SHA-256 of its name and key (SubjectPublicKeyInfo), DER, hexadecimal. A
 * certificate that is renewed for the same key changes nothing of whose lists they are.
 */
const authorityId = (subject: Uint8Array, publicKey: Uint8Array): string =>
  createHash('sha256').update(subject).update(publicKey).digest('hex');

/**
 * What a certificate is known by beside its authority's list: SHA-256 of the authority's id and the serial
 * number, hexadecimal. Not the number itself, under which directories name the holder.
 */
export const certificateId = (authority: string, serial: string): string =>
  createHash('sha256').update(`${authority} ${serial}`).digest('hex');

/** Reads certificates. The library is loaded when it is needed: it takes a second, and most commands never need it. */
export async function readCertificates(
  ...groups: readonly (readonly Uint8Array[])[]
): Promise<readonly (readonly Certificate[])[] | null> {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  try {
    return groups.map((ders) => ders.map((der) => readCertificate(x509, der)));
  } catch {
    return null;
  }
}

/**
 * Ids of the authorities of these certificates, by the SHA-256 of each.
 * @param ders those that cannot be read are left out
 */
export async function authorityIds(ders: readonly Uint8Array[]): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const der of ders) {
    const [[certificate] = []] = (await readCertificates([der])) ?? [];
    if (certificate) found.set(certificate.sha256, certificate.id);
  }
  return found;
}

function readCertificate(x509: typeof X509, der: Uint8Array): Certificate {
  const native = new X509Certificate(der);
  // One spelling only: what OpenSSL reads is what is hashed.
  if (der.length > maxCertificateBytes || !native.raw.equals(der)) throw new RangeError('certificate');
  const parsed = new x509.X509Certificate(Uint8Array.from(der));
  const body = only(der, tags.sequence).enter(tags.sequence);
  body.optional(context(0));
  const serial = naturalOf(body.next());
  // The signature's algorithm, the issuer and the validity lie before the subject.
  for (let i = 0; i < 3; i++) body.next(tags.sequence);
  const subject = body.next(tags.sequence).bytes;
  const publicKey = body.next(tags.sequence).bytes;
  return {
    native,
    parsed,
    sha256: certificateDigest(der),
    serial,
    subject,
    id: authorityId(subject, publicKey),
  };
}

export function isKeyOf({ native }: Certificate, jwk: Readonly<Record<string, string>>): boolean {
  const own = native.publicKey.export({ format: 'jwk' });
  const names = ['kty', 'crv', 'x', 'y', 'n', 'e'] as const;
  return names.every((name) => own[name] === jwk[name]);
}

/** Digests that a signature of today may be over. */
const digests: ReadonlySet<string> = new Set(['SHA-256', 'SHA-384', 'SHA-512']);

export function isIssuedBy(issued: Certificate, issuer: Certificate): boolean {
  const { name, hash } = issued.parsed.signatureAlgorithm as { name: string; hash?: { name: string } };
  const isStrong = hash ? digests.has(hash.name) : /^Ed(25519|448)$/.test(name);
  return (
    isStrong && issued.native.checkIssued(issuer.native) && issued.native.verify(issuer.native.publicKey)
  );
}

import { X509Certificate } from 'node:crypto';
import { context, DerError, naturalOf, oidOf, only, Reader, tags } from '#shared/der';

const oids = { extendedKeyUsage: '2.5.29.37', timeStamping: '1.3.6.1.5.5.7.3.8' } as const;

/** Certificates between a signer and an anchor. */
const maxIssuers = 5;

/** A certificate with what `node:crypto` does not give of it. */
export interface Certificate {
  readonly x509: X509Certificate;
  readonly issuer: Uint8Array;
  readonly serial: string;
  /** Whether it is for time stamps and nothing else, and says so as RFC 3161 (section 2.3) asks: critically. */
  readonly isForTimestamps: boolean;
}

/** @throws DerError where it is no X.509 certificate */
export function parseCertificate(bytes: Uint8Array): Certificate {
  const x509 = toX509(bytes);
  const body = only(x509.raw, tags.sequence).enter(tags.sequence);
  body.optional(context(0));
  const serial = naturalOf(body.next());
  body.next(tags.sequence);
  const issuer = body.next(tags.sequence).bytes;
  const extensions = body.all().find(({ tag }) => tag === context(3));
  const purposes = extensions && timestampPurpose(extensions.content);
  return { x509, issuer, serial, isForTimestamps: purposes === true };
}

function toX509(bytes: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(bytes);
  } catch {
    throw new DerError();
  }
}

function timestampPurpose(content: Uint8Array): boolean {
  for (const { content: bytes } of only(content, tags.sequence).all(tags.sequence)) {
    const extension = new Reader(bytes);
    if (oidOf(extension.next()) !== oids.extendedKeyUsage) continue;
    const critical = extension.optional(tags.boolean)?.content[0] === 0xff;
    const purposes = only(extension.next(tags.octetString).content, tags.sequence).all();
    return critical && purposes.length === 1 && purposes.map(oidOf)[0] === oids.timeStamping;
  }
  return false;
}

export type ChainFault = 'untrusted' | 'not_valid_then';

/**
 * Whether the certificate leads to an anchor: each is issued by the next, which is a certificate authority's,
 * and each was valid at that time. Revocation is not asked: it would need the authority years later.
 * @param time milliseconds since the epoch
 * @returns null where it does
 */
export function chainFault(
  certificate: X509Certificate,
  others: readonly X509Certificate[],
  anchors: readonly X509Certificate[],
  time: number,
): ChainFault | null {
  let current = certificate;
  for (let step = 0; step <= maxIssuers; step++) {
    if (time < Date.parse(current.validFrom) || time > Date.parse(current.validTo)) return 'not_valid_then';
    if (anchors.some((anchor) => anchor.raw.equals(current.raw))) return null;
    const issuer = [...anchors, ...others].find(
      (each) => each.ca && current.checkIssued(each) && current.verify(each.publicKey),
    );
    if (issuer === undefined || issuer.raw.equals(current.raw)) return 'untrusted';
    current = issuer;
  }
  return 'untrusted';
}

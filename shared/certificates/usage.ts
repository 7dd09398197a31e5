import type * as X509 from '@peculiar/x509';
import type { Certificate } from './certificate.ts';

/*
 * What a certificate's extensions let its key be used for (RFC 5280, section 4.2.1). Whatever is critical and
 * not known here lets it be used for nothing, name constraints and policies included.
 */

const oids = { keyUsage: '2.5.29.15', basicConstraints: '2.5.29.19', extendedKeyUsage: '2.5.29.37' } as const;
const known: ReadonlySet<string> = new Set(Object.values(oids));
/** Bits of the key usage as the library numbers them. */
const bits = { digitalSignature: 1, keyCertSign: 32, crlSign: 64 } as const;

export function maySign(certificate: Certificate): boolean {
  return (
    hasUsage(certificate, bits.digitalSignature) &&
    constraintsOf(certificate)?.ca !== true &&
    knowsCritical(certificate)
  );
}

/** @param below authorities between this one and the leaf */
export function mayIssue(certificate: Certificate, below: number): boolean {
  const { ca, pathLength } = constraintsOf(certificate) ?? { ca: false };
  return (
    ca &&
    (pathLength === undefined || below <= pathLength) &&
    hasUsage(certificate, bits.keyCertSign) &&
    knowsCritical(certificate)
  );
}

export const maySignLists = (certificate: Certificate): boolean =>
  hasUsage(certificate, bits.crlSign) && knowsCritical(certificate);

const hasUsage = ({ parsed }: Certificate, bit: number): boolean =>
  ((parsed.getExtension<X509.KeyUsagesExtension>(oids.keyUsage)?.usages ?? 0) & bit) !== 0;

const constraintsOf = ({ parsed }: Certificate) =>
  parsed.getExtension<X509.BasicConstraintsExtension>(oids.basicConstraints);

const knowsCritical = ({ parsed }: Certificate): boolean =>
  parsed.extensions.every(({ critical, type }) => !critical || known.has(type));

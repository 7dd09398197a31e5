import { createHash } from 'node:crypto';
import { der, derNatural, tags } from '#shared/der';

/** OID 2.16.840.1.101.3.4.2.1 (SHA-256), encoded. */
const sha256Oid = Buffer.from('608648016503040201', 'hex');

/** Media types of RFC 3161, section 3.4. */
export const timestampMediaTypes = {
  query: 'application/timestamp-query',
  reply: 'application/timestamp-reply',
} as const;

/**
 * A TimeStampReq (RFC 3161, section 2.4.1) over the SHA-256 of `data`, which asks for the authority's certificate.
 * @param nonce random bytes, so that an old answer is none to this question
 */
export function timestampRequest(data: Uint8Array, nonce: Uint8Array): Uint8Array {
  const algorithm = der(tags.sequence, der(tags.oid, sha256Oid), der(tags.null));
  const digest = der(tags.octetString, createHash('sha256').update(data).digest());
  return der(
    tags.sequence,
    derNatural(Uint8Array.of(1)),
    der(tags.sequence, algorithm, digest),
    derNatural(nonce),
    der(tags.boolean, Uint8Array.of(0xff)),
  );
}

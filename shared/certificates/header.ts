import { createHash } from 'node:crypto';
import { maxCertificateBytes } from './certificate.ts';
import { maxChain } from './chain.ts';

/**
 * Name of the header in which a chain travels beside the signed body that has its digest. Not in the body:
 * certificates name people, and the ledger holds what a body says.
 */
export const certificatesHeader = 'Griffie-Certificates';

/** SHA-256 of the certificates one after another, DER, hexadecimal. */
export function chainDigest(chain: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const der of chain) hash.update(der);
  return hash.digest('hex');
}

/** Base64, with commas between. */
export function writeChainHeader(chain: readonly Uint8Array[]): string {
  return chain.map((der) => Buffer.from(der).toString('base64')).join(',');
}

/** @returns null where the text is not what `writeChainHeader` writes of a chain within its bounds. */
export function readChainHeader(text: string): readonly Uint8Array[] | null {
  const chain: Uint8Array[] = [];
  for (const part of text.split(',', maxChain + 1)) {
    const der = Buffer.from(part, 'base64');
    if (der.length > maxCertificateBytes || der.length === 0 || der.toString('base64') !== part) return null;
    chain.push(der);
  }
  return chain.length > maxChain ? null : chain;
}

import { X509Certificate } from 'node:crypto';

const block = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** The certificates of a PEM text; null where there are none, or one of them is none. */
export function readAnchors(pem: string): readonly X509Certificate[] | null {
  try {
    const found = (pem.match(block) ?? []).map((text) => new X509Certificate(text));
    return found.length === 0 ? null : found;
  } catch {
    return null;
  }
}

import { X509Certificate } from 'node:crypto';

/** What a file beside the anchors holds: lists, and certificates of authorities between, DER. */
export interface ListFile {
  readonly lists: readonly Uint8Array[];
  readonly certificates: readonly Uint8Array[];
}

/** Most blocks of a PEM file. */
const maxBlocks = 64;
const block = /-----BEGIN (X509 CRL|CERTIFICATE)-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END \1-----/g;

/**
 * Reads a file of lists: one list or certificate as DER, or any number of both as PEM.
 * @returns null where it is neither
 */
export function readListFile(bytes: Uint8Array): ListFile | null {
  // A SEQUENCE; text never begins so far down.
  if (bytes[0] === 0x30)
    return isCertificate(bytes) ? { lists: [], certificates: [bytes] } : { lists: [bytes], certificates: [] };
  const text = Buffer.from(bytes).toString('latin1');
  const [lists, certificates]: [Uint8Array[], Uint8Array[]] = [[], []];
  for (const [, label, content = ''] of text.matchAll(block)) {
    const base64 = content.replace(/[\r\n]/g, '');
    const der = Buffer.from(base64, 'base64');
    if (der.toString('base64') !== base64) return null;
    (label === 'CERTIFICATE' ? certificates : lists).push(der);
  }
  const count = lists.length + certificates.length;
  const isWhole = (text.match(/-----BEGIN /g) ?? []).length === count;
  return count > 0 && count <= maxBlocks && isWhole ? { lists, certificates } : null;
}

/** Writes what `readListFile` reads. */
export function writeListFile({ lists, certificates }: ListFile): string {
  return [
    ...lists.map((der) => pem('X509 CRL', der)),
    ...certificates.map((der) => pem('CERTIFICATE', der)),
  ].join('');
}

function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

function isCertificate(der: Uint8Array): boolean {
  try {
    return new X509Certificate(der).raw.equals(der);
  } catch {
    return false;
  }
}

import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/** Bytes of a file of anchors; a member State's trusted list comes to fewer. */
const maxFileBytes = 4 * 1024 * 1024;

/** Certificates that a document's signature must lead to. */
export interface TrustAnchors {
  /** DER. */
  readonly certificates: readonly Uint8Array[];
}

/** The file of anchors cannot be used. */
export class AnchorFileError extends Error {
  readonly code = 'config.document_anchors';
  constructor(problem: string) {
    super(`the file of anchors for documents cannot be used: ${problem}`);
    this.name = 'AnchorFileError';
  }
}

/**
 * Reads certificates in PEM, one after another.
 * @throws AnchorFileError where one is unreadable, or there is none
 */
export async function readAnchors(path: string): Promise<TrustAnchors> {
  const text = await readFile(path, 'latin1').catch((error: unknown) => {
    throw new AnchorFileError(error instanceof Error && 'code' in error ? String(error.code) : 'unreadable');
  });
  if (text.length > maxFileBytes) throw new AnchorFileError(`it has more than ${maxFileBytes} bytes`);
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new AnchorFileError('it has no certificate in PEM');
  const certificates = blocks.map((pem, index) => {
    try {
      return new Uint8Array(new X509Certificate(pem).raw);
    } catch {
      throw new AnchorFileError(`certificate ${index + 1} is unreadable`);
    }
  });
  return { certificates };
}

import { readFile } from 'node:fs/promises';
import { readPemCertificates } from '#shared/certificates';

/** The ledger names each of them. */
const maxAnchors = 16;

/** The file of trusted authorities cannot be used. */
export class AnchorsError extends Error {
  readonly code = 'certificates.anchors';
  constructor(path: string) {
    super(`${path} holds no PEM certificates that can be used, or more than ${maxAnchors}`);
    this.name = 'AnchorsError';
  }
}

/** @returns the certificates, DER @throws AnchorsError */
export async function readAnchors(path: string): Promise<readonly Uint8Array[]> {
  const anchors = readPemCertificates(await readFile(path, 'utf8'));
  if (anchors === null || anchors.length > maxAnchors) throw new AnchorsError(path);
  return anchors;
}

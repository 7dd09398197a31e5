import { certificatesHeader, chainDigest, readPemCertificates, writeChainHeader } from '#shared/certificates';
import { unusable } from './errors.ts';
import { readBounded, smallFileBytes } from './files.ts';

/** A chain of certificates as it goes with an enrolment: its digest is signed, itself is a header. */
export async function readChain(
  path: string,
): Promise<{ readonly sha256: string; readonly headers: Readonly<Record<string, string>> }> {
  const chain = readPemCertificates((await readBounded(path, smallFileBytes)).toString('utf8'));
  if (chain === null) {
    throw unusable('file.damaged', `${path} holds no certificates as PEM; give the certificate of the key`);
  }
  return { sha256: chainDigest(chain), headers: { [certificatesHeader]: writeChainHeader(chain) } };
}

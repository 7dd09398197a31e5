import { createHash, X509Certificate } from 'node:crypto';
import type * as X509 from '@peculiar/x509';
import { utc } from '#shared/runtime';

/*
 * Certification paths (RFC 5280, section 6), strictly and in part: a chain in its order from the leaf up,
 * signatures, names, validity, basic constraints, path lengths, key usage. Whatever is critical and not
 * known here refuses the chain, name constraints and policies included. Revocation lists are not asked: a
 * credential is revoked by an administrator.
 */

/** Most certificates between a key and its anchor, the key's own included. */
export const maxChain = 4;
/** Bytes of one certificate, DER. */
export const maxCertificateBytes = 8192;

export type ChainRefusal =
  | 'certificate.malformed'
  | 'certificate.key'
  | 'certificate.usage'
  | 'certificate.validity'
  | 'certificate.chain'
  | 'certificate.anchor';

/** What can be said of a chain without repeating whom it names. */
export interface CheckedChain {
  /** SHA-256 of the key's own certificate, DER, hexadecimal. */
  readonly sha256: string;
  /** The same of the anchor that the chain leads to. */
  readonly anchorSha256: string;
  /** When all of them are valid, RFC 3339 UTC. */
  readonly notBefore: string;
  readonly notAfter: string;
}

export type ChainResult =
  | { readonly ok: true; readonly chain: CheckedChain }
  | { readonly ok: false; readonly code: ChainRefusal };

interface Certificate {
  /** OpenSSL's reading: names, signatures. */
  readonly native: X509Certificate;
  /** Extensions, which that does not give. */
  readonly parsed: X509.X509Certificate;
  readonly sha256: string;
}

/** SHA-256 of a certificate, DER, hexadecimal. */
export const certificateDigest = (der: Uint8Array): string => createHash('sha256').update(der).digest('hex');

/**
 * Checks that a chain is for this key, may sign, is valid at `at`, and leads to an anchor.
 * @param chain DER, the key's own certificate first; the anchor may be left out
 * @param anchors DER
 * @param publicJwk the key that it must be of
 * @param at RFC 3339 UTC
 */
export async function checkChain(
  chain: readonly Uint8Array[],
  anchors: readonly Uint8Array[],
  publicJwk: Readonly<Record<string, string>>,
  at: string,
): Promise<ChainResult> {
  const refuse = (code: ChainRefusal): ChainResult => ({ ok: false, code });
  const x509 = await loadLibrary();
  const [given, roots] = [readAll(x509, chain), readAll(x509, anchors)];
  const leaf = given?.[0];
  if (!given || !roots || !leaf || given.length > maxChain) return refuse('certificate.malformed');
  if (!isKeyOf(leaf, publicJwk)) return refuse('certificate.key');
  if (!maySign(x509, leaf)) return refuse('certificate.usage');

  const last = given.at(-1) ?? leaf;
  const isRoot = roots.some(({ sha256 }) => sha256 === last.sha256);
  const anchor = isRoot ? last : roots.find((root) => isIssuedBy(last, root));
  if (!anchor || anchor === leaf) return refuse('certificate.anchor');
  const path = isRoot ? given : [...given, anchor];
  for (const [i, issuer] of path.slice(1).entries()) {
    const issued = path[i];
    // Certificates of authorities below this one, its own leaf not counted.
    if (!issued || !isIssuedBy(issued, issuer) || !mayIssue(x509, issuer, i))
      return refuse('certificate.chain');
  }
  const notBefore = utc(Math.max(...path.map(({ parsed }) => parsed.notBefore.getTime())));
  const notAfter = utc(Math.min(...path.map(({ parsed }) => parsed.notAfter.getTime())));
  if (at < notBefore || at > notAfter) return refuse('certificate.validity');
  return { ok: true, chain: { sha256: leaf.sha256, anchorSha256: anchor.sha256, notBefore, notAfter } };
}

/**
 * Reads the certificates of a PEM file.
 * @returns null where one of them, or all, cannot be read.
 */
export function readPemCertificates(text: string): readonly Uint8Array[] | null {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    return blocks.length === 0 ? null : blocks.map((block) => new X509Certificate(block).raw);
  } catch {
    return null;
  }
}

/** Loaded when it is needed: it takes a second, and most commands never need it. */
async function loadLibrary(): Promise<typeof X509> {
  await import('reflect-metadata');
  return import('@peculiar/x509');
}

function readAll(x509: typeof X509, ders: readonly Uint8Array[]): readonly Certificate[] | null {
  try {
    return ders.map((der) => {
      const native = new X509Certificate(der);
      // One spelling only: what OpenSSL reads is what is hashed.
      if (der.length > maxCertificateBytes || !native.raw.equals(der)) throw new RangeError('certificate');
      const parsed = new x509.X509Certificate(Uint8Array.from(der));
      return { native, parsed, sha256: certificateDigest(der) };
    });
  } catch {
    return null;
  }
}

function isKeyOf({ native }: Certificate, jwk: Readonly<Record<string, string>>): boolean {
  const own = native.publicKey.export({ format: 'jwk' });
  const names = ['kty', 'crv', 'x', 'y', 'n', 'e'] as const;
  return names.every((name) => own[name] === jwk[name]);
}

/** Digests that a signature of today may be over. */
const digests: ReadonlySet<string> = new Set(['SHA-256', 'SHA-384', 'SHA-512']);

function isIssuedBy(issued: Certificate, issuer: Certificate): boolean {
  const { name, hash } = issued.parsed.signatureAlgorithm as { name: string; hash?: { name: string } };
  const isStrong = hash ? digests.has(hash.name) : /^Ed(25519|448)$/.test(name);
  return (
    isStrong && issued.native.checkIssued(issuer.native) && issued.native.verify(issuer.native.publicKey)
  );
}

function maySign(x509: typeof X509, { parsed }: Certificate): boolean {
  const usages = parsed.getExtension(x509.KeyUsagesExtension)?.usages ?? 0;
  const isAuthority = parsed.getExtension(x509.BasicConstraintsExtension)?.ca === true;
  return (usages & x509.KeyUsageFlags.digitalSignature) !== 0 && !isAuthority && knowsCritical(x509, parsed);
}

/** @param below authorities between this one and the leaf */
function mayIssue(x509: typeof X509, { parsed }: Certificate, below: number): boolean {
  const constraints = parsed.getExtension(x509.BasicConstraintsExtension);
  const usages = parsed.getExtension(x509.KeyUsagesExtension)?.usages ?? 0;
  const { ca, pathLength } = constraints ?? { ca: false };
  return (
    ca &&
    (pathLength === undefined || below <= pathLength) &&
    (usages & x509.KeyUsageFlags.keyCertSign) !== 0 &&
    knowsCritical(x509, parsed)
  );
}

function knowsCritical(x509: typeof X509, { extensions }: X509.X509Certificate): boolean {
  const known = [x509.KeyUsagesExtension, x509.BasicConstraintsExtension, x509.ExtendedKeyUsageExtension];
  return extensions.every(
    (extension) => !extension.critical || known.some((kind) => extension instanceof kind),
  );
}

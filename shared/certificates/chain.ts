import { X509Certificate } from 'node:crypto';
import { utc } from '#shared/runtime';
import { type Certificate, certificateId, isIssuedBy, isKeyOf, readCertificates } from './certificate.ts';
import { mayIssue, maySign } from './usage.ts';

/*
 * Certification paths (RFC 5280, section 6), strictly and in part: a chain in its order from the leaf up,
 * signatures, names, validity, basic constraints, path lengths, key usage. Whatever is critical and not
 * known here refuses the chain, name constraints and policies included. Whether one of them was revoked is
 * asked beside this, of the lists in use: see `revocation-list.ts`.
 */

/** Most certificates between a key and its anchor, the key's own included. */
export const maxChain = 4;

export type ChainRefusal =
  | 'certificate.malformed'
  | 'certificate.key'
  | 'certificate.usage'
  | 'certificate.validity'
  | 'certificate.chain'
  | 'certificate.anchor';

/** Why a key is not enrolled with its certificates: their chain, or what revocation lists say of them. */
export type CertificateRefusal = ChainRefusal | 'certificate.revoked' | 'certificate.revocation_unknown';

/** A certificate of a chain, as revocation lists are asked for it. */
export interface ChainLink {
  /** Id of the authority that issued it, whose list it would be on. */
  readonly issuer: string;
  /** See `certificateId`. */
  readonly id: string;
}

/** What can be said of a chain without repeating whom it names. */
export interface CheckedChain {
  /** SHA-256 of the key's own certificate, DER, hexadecimal. */
  readonly sha256: string;
  /** The same of the anchor that the chain leads to. */
  readonly anchorSha256: string;
  /** When all of them are valid, RFC 3339 UTC. */
  readonly notBefore: string;
  readonly notAfter: string;
  /** All of them but the anchor, the key's own first. */
  readonly links: readonly (ChainLink & { readonly serial: string })[];
}

export type ChainResult =
  | { readonly ok: true; readonly chain: CheckedChain }
  | { readonly ok: false; readonly code: ChainRefusal };

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
  const [given, roots] = (await readCertificates(chain, anchors)) ?? [];
  const leaf = given?.[0];
  if (!given || !roots || !leaf || given.length > maxChain) return refuse('certificate.malformed');
  if (!isKeyOf(leaf, publicJwk)) return refuse('certificate.key');
  if (!maySign(leaf)) return refuse('certificate.usage');

  const last = given.at(-1) ?? leaf;
  const isRoot = roots.some(({ sha256 }) => sha256 === last.sha256);
  const anchor = isRoot ? last : roots.find((root) => isIssuedBy(last, root));
  if (!anchor || anchor === leaf) return refuse('certificate.anchor');
  const path = isRoot ? given : [...given, anchor];
  for (const [i, issuer] of path.slice(1).entries()) {
    const issued = path[i];
    // Certificates of authorities below this one, its own leaf not counted.
    if (!issued || !isIssuedBy(issued, issuer) || !mayIssue(issuer, i)) return refuse('certificate.chain');
  }
  const { notBefore, notAfter } = validityOf(path);
  if (at < notBefore || at > notAfter) return refuse('certificate.validity');
  const { sha256 } = leaf;
  const links = linksOf(path);
  return { ok: true, chain: { sha256, anchorSha256: anchor.sha256, notBefore, notAfter, links } };
}

/** When all certificates are valid, RFC 3339 UTC. */
export function validityOf(path: readonly Certificate[]): { notBefore: string; notAfter: string } {
  return {
    notBefore: utc(Math.max(...path.map(({ parsed }) => parsed.notBefore.getTime()))),
    notAfter: utc(Math.min(...path.map(({ parsed }) => parsed.notAfter.getTime()))),
  };
}

function linksOf(path: readonly Certificate[]): CheckedChain['links'] {
  return path.slice(1).map(({ id: issuer }, i) => {
    const serial = path[i]?.serial ?? '';
    return { issuer, serial, id: certificateId(issuer, serial) };
  });
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

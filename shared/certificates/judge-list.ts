import { verify } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { type SignatureAlgorithm, signatureAlgorithms } from '#shared/der';
import { type Certificate, certificateId, isIssuedBy, readCertificates } from './certificate.ts';
import { maxChain, validityOf } from './chain.ts';
import {
  type ListRefusal,
  parseRevocationList,
  type Revocation,
  type RevocationList,
} from './revocation-list.ts';
import { mayIssue, maySignLists } from './usage.ts';

/** A list of which it is known whose it is. */
export interface JudgedList {
  readonly list: RevocationList;
  /** Id of the authority that signed it; see `ChainLink`. */
  readonly authority: string;
  /** SHA-256 of its certificate and of those up to the anchor, which is the last. */
  readonly certificates: readonly string[];
  /** The same, DER. */
  readonly path: readonly Uint8Array[];
}

export type JudgedListResult =
  | { readonly ok: true; readonly judged: JudgedList }
  | { readonly ok: false; readonly code: ListRefusal };

/**
 * Reads a list and holds it against who may have signed it: an anchor, or an authority whose certificate leads
 * to one and is valid at `at`. Whether it is newer than what is known, and still current, is for the rules.
 * @param der the list
 * @param authorities DER; those between anchors and certificates
 * @param anchors DER
 * @param at RFC 3339 UTC
 */
export async function judgeList(
  der: Uint8Array,
  authorities: readonly Uint8Array[],
  anchors: readonly Uint8Array[],
  at: string,
): Promise<JudgedListResult> {
  const refuse = (code: ListRefusal): JudgedListResult => ({ ok: false, code });
  const parsed = parseRevocationList(der);
  if (!parsed.ok) return parsed;
  const { list } = parsed;
  const isSigned = signatureOf(list);
  if (isSigned === null) return refuse('revocation_list.algorithm');
  const [between, roots] = (await readCertificates(authorities, anchors)) ?? [];
  if (!between || !roots) return refuse('revocation_list.authority');
  const named = [...roots, ...between].filter(({ subject }) => Buffer.from(subject).equals(list.issuer));
  if (named.length === 0) return refuse('revocation_list.issuer');
  const signers = named.filter(isSigned);
  if (signers.length === 0) return refuse('revocation_list.signature');
  const allowed = signers.filter(maySignLists);
  if (allowed.length === 0) return refuse('revocation_list.usage');
  const path = allowed.map((each) => pathTo(roots, between, [each], at)).find((found) => found !== null);
  const [signer] = path ?? [];
  if (!path || !signer) return refuse('revocation_list.authority');
  const certificates = path.map(({ sha256 }) => sha256);
  const judged = { list, authority: signer.id, certificates, path: path.map(({ native }) => native.raw) };
  return { ok: true, judged };
}

/**
 * Which of these certificates a list is about, by `certificateId`. Others on it are only hashed and forgotten.
 * Other work goes on meanwhile: a list may have many.
 */
export async function findOnList(
  { list, authority }: Pick<JudgedList, 'list' | 'authority'>,
  wanted: ReadonlySet<string>,
): Promise<ReadonlyMap<string, Revocation>> {
  const found = new Map<string, Revocation>();
  if (wanted.size === 0) return found;
  let looked = 0;
  for (const [serial, revocation] of list.revoked) {
    if (++looked % hashedAtOnce === 0) await turn();
    const id = certificateId(authority, serial);
    if (wanted.has(id)) found.set(id, revocation);
  }
  return found;
}

/** A few milliseconds' worth. */
const hashedAtOnce = 2_000;

const algorithms: Readonly<Record<string, SignatureAlgorithm>> = {
  ...signatureAlgorithms,
  '1.3.101.112': { key: 'ed25519' },
  '1.3.101.113': { key: 'ed448' },
};

/** Whether a certificate's key signed the list; null for an algorithm that is not known here. */
function signatureOf(list: RevocationList): ((by: Certificate) => boolean) | null {
  const algorithm = Object.hasOwn(algorithms, list.algorithm) ? algorithms[list.algorithm] : undefined;
  if (!algorithm) return null;
  return ({ native: { publicKey } }) =>
    publicKey.asymmetricKeyType === algorithm.key &&
    verify(algorithm.digest ?? null, list.signed, publicKey, list.signature);
}

/** From an authority up to an anchor, each valid at `at`; null where there is no such way. */
function pathTo(
  roots: readonly Certificate[],
  between: readonly Certificate[],
  path: readonly Certificate[],
  at: string,
): readonly Certificate[] | null {
  const last = path.at(-1);
  // One less than a chain: the certificates that are revoked lie below.
  if (!last || path.length >= maxChain || !mayIssue(last, path.length - 1)) return null;
  if (roots.some(({ sha256 }) => sha256 === last.sha256)) {
    const { notBefore, notAfter } = validityOf(path);
    return notBefore <= at && at <= notAfter ? path : null;
  }
  for (const next of [...roots, ...between]) {
    if (path.includes(next) || !isIssuedBy(last, next)) continue;
    const found = pathTo(roots, between, [...path, next], at);
    if (found !== null) return found;
  }
  return null;
}

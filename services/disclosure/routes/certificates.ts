import type { FastifyRequest } from 'fastify';
import {
  type CertificateRefusal,
  type CheckedChain,
  certificatesHeader,
  chainDigest,
  checkChain,
  readChainHeader,
} from '#shared/certificates';
import { type ControlState, type Decision, type DetailsOf, revocationStanding } from '#shared/control';
import type { ServiceContext } from '../context.ts';

/** The chain that came with an enrolment: undefined without one, null where it cannot be read. */
export type SentChain = readonly Uint8Array[] | null | undefined;

export function certificatesOf(request: FastifyRequest): SentChain {
  const header = request.headers[certificatesHeader.toLowerCase()];
  if (header === undefined) return undefined;
  return typeof header === 'string' ? readChainHeader(header) : null;
}

type Members = Pick<DetailsOf<'credential.enrolled'>, 'certificate'>;

/**
 * Checks the chain of a key that is enrolled, also against the revocation lists in use; without one there is
 * nothing to record of it.
 */
export async function checkCertificates(
  { anchors, lists }: Pick<ServiceContext, 'anchors' | 'lists'>,
  state: ControlState,
  enrolment: {
    readonly sent: SentChain;
    /** What was signed of it. */
    readonly chainSha256: string | undefined;
    readonly publicKey: Readonly<Record<string, string>>;
    readonly thumbprint: string;
    readonly at: string;
  },
): Promise<Decision<{ readonly members: Members }, CertificateRefusal>> {
  const { sent, chainSha256, publicKey, thumbprint, at } = enrolment;
  if (sent === undefined && chainSha256 === undefined) return { ok: true, members: {} };
  if (!sent || chainSha256 !== chainDigest(sent)) return { ok: false, code: 'certificate.malformed' };
  const checked = await checkChain(sent, anchors, publicKey, at);
  if (!checked.ok) return checked;
  const { sha256, anchorSha256, notAfter, links } = checked.chain;
  const certificate = {
    ...{ chainSha256, sha256, anchorSha256, notAfter },
    links: links.map(({ issuer, id }) => ({ issuer, id })),
  };
  const standing = revocationStanding(state, { thumbprint, certificate }, at);
  if (!standing.ok) return { ok: false, code: 'certificate.revocation_unknown' };
  const code = await lookUp(lists, state, links);
  return code === null ? { ok: true, members: { certificate } } : { ok: false, code };
}

/** Whether one of these certificates is on the list in use of its authority; on hold counts as revoked. */
async function lookUp(
  lists: ServiceContext['lists'],
  { configuration, revocationLists }: ControlState,
  links: CheckedChain['links'],
): Promise<CertificateRefusal | null> {
  if (configuration?.revocation === undefined) return null;
  for (const { issuer, serial } of links) {
    const inUse = revocationLists.get(issuer);
    const list = inUse && (await lists.read(inUse.sha256));
    if (list === null) return 'certificate.revocation_unknown';
    if (list?.revoked.has(serial)) return 'certificate.revoked';
  }
  return null;
}

import type { FastifyRequest } from 'fastify';
import {
  type ChainRefusal,
  certificatesHeader,
  chainDigest,
  checkChain,
  readChainHeader,
} from '#shared/certificates';
import type { Decision, DetailsOf } from '#shared/control';
import type { ServiceContext } from '../context.ts';

/** The chain that came with an enrolment: undefined without one, null where it cannot be read. */
export type SentChain = readonly Uint8Array[] | null | undefined;

export function certificatesOf(request: FastifyRequest): SentChain {
  const header = request.headers[certificatesHeader.toLowerCase()];
  if (header === undefined) return undefined;
  return typeof header === 'string' ? readChainHeader(header) : null;
}

type Members = Pick<DetailsOf<'credential.enrolled'>, 'certificate'>;

/** Checks the chain of a key that is enrolled; without one there is nothing to record of it. */
export async function checkCertificates(
  { anchors }: Pick<ServiceContext, 'anchors'>,
  enrolment: {
    readonly sent: SentChain;
    /** What was signed of it. */
    readonly chainSha256: string | undefined;
    readonly publicKey: Readonly<Record<string, string>>;
    readonly at: string;
  },
): Promise<Decision<{ readonly members: Members }, ChainRefusal>> {
  const { sent, chainSha256, publicKey, at } = enrolment;
  if (sent === undefined && chainSha256 === undefined) return { ok: true, members: {} };
  if (!sent || chainSha256 !== chainDigest(sent)) return { ok: false, code: 'certificate.malformed' };
  const checked = await checkChain(sent, anchors, publicKey, at);
  if (!checked.ok) return checked;
  const { sha256, anchorSha256, notAfter } = checked.chain;
  return { ok: true, members: { certificate: { chainSha256, sha256, anchorSha256, notAfter } } };
}

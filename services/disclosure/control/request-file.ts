import type { CaseFiles } from '#shared/case-files';
import type { DisclosureState } from '#shared/control';
import type { Scope } from '#shared/orders';

/** What an allowed request is for: kept as a case file, because it names the targets. */
export interface RequestFile {
  /** The request's exact bytes are bound to the ledger by `bdh` of its evidence; this is what they came to. */
  readonly scope: Scope;
  /** Base64 of those bytes, so that the evidence can be checked years later. */
  readonly body: string;
}

/** What a refused request was for, so that the refusal can be decided again. */
export type RefusedRequestFile = Pick<RequestFile, 'body'>;

const nameOf = (disclosureId: string): string => `request-${disclosureId}`;

export function putRequest(
  cases: CaseFiles,
  orderId: string,
  disclosureId: string,
  file: RequestFile | RefusedRequestFile,
): Promise<string> {
  return cases.put(orderId, nameOf(disclosureId), Buffer.from(JSON.stringify(file)));
}

export async function getRequest(cases: CaseFiles, disclosure: DisclosureState): Promise<RequestFile> {
  const { orderId, disclosureId, commitments } = disclosure;
  const bytes = await cases.get(orderId, nameOf(disclosureId), commitments.request);
  return JSON.parse(Buffer.from(bytes).toString('utf8'));
}

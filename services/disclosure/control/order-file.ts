import { createHash } from 'node:crypto';
import { CaseFileError, type CaseFiles } from '#shared/case-files';
import type { OrderState } from '#shared/control';
import type { DocumentSignature } from '#shared/order-document';
import type { Order } from '#shared/orders';
import type { OrderDocument } from './document.ts';

/** Case files of each version of an order. */
type FileName = 'order' | 'document' | 'request';
const nameOf = (name: FileName, version: number): string => `${name}-v${version}`;

/** Contents of an order's case file. */
export interface OrderFile {
  readonly order: Order;
  readonly document: {
    readonly mediaType: string;
    readonly bytes: number;
    readonly sha256: string;
    /** Absent where an earlier version of Griffie recorded it: nobody looked. */
    readonly signature?: DocumentSignature;
  };
}

/**
 * Keeps an order, its document, and the request that recorded it with its exact bytes, so that the
 * signature in the ledger can be checked against them. The result is what the ledger entry commits to.
 */
export async function putOrder(
  cases: CaseFiles,
  { orderId, version }: { readonly orderId: string; readonly version: number },
  order: Order,
  document: OrderDocument,
  request: Uint8Array,
): Promise<Record<FileName, string>> {
  const file: OrderFile = {
    order,
    document: {
      mediaType: document.mediaType,
      bytes: document.bytes.length,
      sha256: createHash('sha256').update(document.bytes).digest('hex'),
      signature: document.signature,
    },
  };
  const put = (name: FileName, bytes: Uint8Array): Promise<string> =>
    cases.put(orderId, nameOf(name, version), bytes);
  return {
    order: await put('order', Buffer.from(JSON.stringify(file))),
    document: await put('document', document.bytes),
    request: await put('request', request),
  };
}

/** The version in force of an order, as it was recorded. Its digest vouches for its form: only `putOrder` writes one. */
export async function getOrder(cases: CaseFiles, state: OrderState): Promise<OrderFile> {
  const bytes = await read(cases, state, 'order');
  return JSON.parse(Buffer.from(bytes).toString('utf8'));
}

export function getDocument(cases: CaseFiles, state: OrderState): Promise<Uint8Array> {
  return read(cases, state, 'document');
}

async function read(cases: CaseFiles, state: OrderState, name: FileName): Promise<Uint8Array> {
  const { orderId, details, commitments, erasedAt } = state;
  if (erasedAt !== undefined) throw new CaseFileError('case_file.erased');
  return cases.get(orderId, nameOf(name, details.version), commitments[name]);
}

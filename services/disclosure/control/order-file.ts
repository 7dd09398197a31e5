import { createHash } from 'node:crypto';
import { CaseFileError, type CaseFiles } from '#shared/case-files';
import type { OrderState } from '#shared/control';
import type { Order } from '#shared/orders';

/** Names of the case files of one order. */
const names = { order: 'order-v1', document: 'document-v1', request: 'request-v1' } as const;

export interface OrderDocument {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** Contents of an order's case file. */
export interface OrderFile {
  readonly order: Order;
  readonly document: { readonly mediaType: string; readonly bytes: number; readonly sha256: string };
}

/**
 * Keeps an order, its document, and the request that recorded it with its exact bytes, so that the
 * signature in the ledger can be checked against them. The result is what the ledger entry commits to.
 */
export async function putOrder(
  cases: CaseFiles,
  orderId: string,
  order: Order,
  document: OrderDocument,
  request: Uint8Array,
): Promise<Record<keyof typeof names, string>> {
  const file: OrderFile = {
    order,
    document: {
      mediaType: document.mediaType,
      bytes: document.bytes.length,
      sha256: createHash('sha256').update(document.bytes).digest('hex'),
    },
  };
  return {
    order: await cases.put(orderId, names.order, Buffer.from(JSON.stringify(file))),
    document: await cases.put(orderId, names.document, document.bytes),
    request: await cases.put(orderId, names.request, request),
  };
}

/** The order as it was recorded. Its digest vouches for its form: only `putOrder` writes one. */
export async function getOrder(cases: CaseFiles, state: OrderState): Promise<OrderFile> {
  const bytes = await read(cases, state, 'order');
  return JSON.parse(Buffer.from(bytes).toString('utf8'));
}

export function getDocument(cases: CaseFiles, state: OrderState): Promise<Uint8Array> {
  return read(cases, state, 'document');
}

async function read(cases: CaseFiles, state: OrderState, what: 'order' | 'document'): Promise<Uint8Array> {
  if (state.erasedAt !== undefined) throw new CaseFileError('case_file.erased');
  return cases.get(state.orderId, names[what], state.commitments[what]);
}

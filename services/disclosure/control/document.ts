import {
  checkDocumentSignature,
  type DocumentMediaType,
  type DocumentSignature,
  mediaTypeOf,
  type TrustAnchors,
} from '#shared/order-document';
import { orderLimits } from '#shared/orders';
import { ApiError } from '../errors.ts';

/** A document that is what it says it is, with what is known of its signature. */
export interface OrderDocument {
  readonly mediaType: DocumentMediaType;
  readonly bytes: Uint8Array;
  readonly signature: DocumentSignature;
}

/**
 * Decodes an order's document, checks by its content that it is what it says, and judges its signature.
 * @param at milliseconds since the epoch, under which the signer's certificates must be valid
 * @throws ApiError `order.document`
 */
export async function readDocument(
  input: { readonly mediaType: DocumentMediaType; readonly content: string },
  anchors: TrustAnchors,
  at: number,
): Promise<OrderDocument> {
  const bytes = Buffer.from(input.content, 'base64');
  const refuse = (sentence: string): ApiError =>
    new ApiError('order.document', { problems: [{ path: 'document', sentence }] });
  if (bytes.length > orderLimits.documentBytes)
    throw refuse(`the document has more than ${orderLimits.documentBytes} bytes`);
  const found = mediaTypeOf(bytes);
  if (found !== input.mediaType) {
    const what = found === null ? 'no whole document of a type that is taken' : found;
    throw refuse(`the document is not ${input.mediaType}; by its content it is ${what}`);
  }
  return { mediaType: found, bytes, signature: await checkDocumentSignature(found, bytes, anchors, at) };
}

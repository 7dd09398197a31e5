import { mediaTypeOf } from '#shared/order-document';
import { orderLimits } from '#shared/orders';
import { unusable } from './errors.ts';
import { readBounded } from './files.ts';

/** A document as the API takes it. */
export interface DocumentInput {
  readonly mediaType: string;
  /** Base64. */
  readonly content: string;
}

/** Reads the document of an order; its media type is told by its content, not by its name. */
export async function readOrderDocument(path: string): Promise<DocumentInput> {
  const bytes = await readBounded(path, orderLimits.documentBytes);
  const mediaType = mediaTypeOf(bytes);
  if (mediaType === null) {
    throw unusable(
      'order.document',
      `${path} is no whole PDF, XML or signed PKCS #7 file; give the order itself`,
    );
  }
  return { mediaType, content: bytes.toString('base64') };
}

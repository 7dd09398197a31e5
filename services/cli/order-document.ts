import { orderLimits } from '#shared/orders';
import { unusable } from './errors.ts';
import { readBounded } from './files.ts';

/** A document as the API takes it. */
export interface DocumentInput {
  readonly mediaType: string;
  /** Base64. */
  readonly content: string;
}

/** Reads the document of an order; its media type is told by its first bytes, not by its name. */
export async function readOrderDocument(path: string): Promise<DocumentInput> {
  const bytes = await readBounded(path, orderLimits.documentBytes);
  const mediaType = mediaTypeOf(bytes);
  if (mediaType === null) {
    throw unusable('order.document', `${path} is no PDF, XML or PKCS #7 file; give the order itself`);
  }
  return { mediaType, content: bytes.toString('base64') };
}

function mediaTypeOf(bytes: Buffer): string | null {
  if (bytes.subarray(0, 5).toString('latin1') === '%PDF-') return 'application/pdf';
  if (/^(?:\xef\xbb\xbf)?\s*</.test(bytes.subarray(0, 64).toString('latin1'))) return 'application/xml';
  // DER: a SEQUENCE.
  return bytes[0] === 0x30 ? 'application/pkcs7-mime' : null;
}

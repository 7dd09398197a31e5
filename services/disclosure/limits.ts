import { mediaTypes as packageMediaTypes } from '#shared/disclosure-package';
import { orderLimits } from '#shared/orders';

/** Bounds of the API. Bytes and milliseconds. */
export const apiLimits = {
  bodyBytes: 64 * 1024,
  /** An order travels with its document in base64. */
  orderBodyBytes: Math.ceil((orderLimits.documentBytes * 4) / 3) + 256 * 1024,
  headerBytes: 16 * 1024,
  /** From the connection to the last byte of the request. */
  requestMs: 30_000,
  listItems: 1000,
  /** Longest path parameter; a thumbprint has 43 characters, a tile path fewer than 64. */
  paramCharacters: 64,
  /** Longest validity of a credential. */
  credentialDays: 3 * 366,
} as const;

export const mediaTypes = {
  json: 'application/json',
  problem: 'application/problem+json',
  package: packageMediaTypes.package,
  octets: 'application/octet-stream',
  checkpoint: 'text/plain; charset=utf-8',
  document: ['application/pdf', 'application/xml', 'application/pkcs7-mime'],
} as const;

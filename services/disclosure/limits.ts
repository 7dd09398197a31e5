import { mediaTypes as packageMediaTypes } from '#shared/disclosure-package';
import { documentMediaTypes } from '#shared/order-document';
import { orderLimits } from '#shared/orders';
import type { GateBounds } from './http/guard.ts';

/**
 * What one address and one credential may ask. Wide enough for a witness that reads every hash tile and for
 * an office behind one address; a proven request costs its address nothing.
 */
export const gateBounds: GateBounds = {
  address: { burst: 10_000, perSecond: 1_000 },
  publicCost: 1,
  unprovenCost: 10,
  credential: { burst: 600, perSecond: 20 },
  inFlight: { requests: 512, perCredential: 64, bodyBytes: 64 * 1024 * 1024 },
  connections: { all: 4_096, perAddress: 256 },
};

/** Bounds of the API. Bytes and milliseconds. */
export const apiLimits = {
  bodyBytes: 64 * 1024,
  /** An order travels with its document in base64. */
  orderBodyBytes: Math.ceil((orderLimits.documentBytes * 4) / 3) + 256 * 1024,
  headerBytes: 16 * 1024,
  /** From the connection to the last byte of the request. */
  requestMs: 30_000,
  /** From the connection to the end of the headers; also for the TLS handshake. */
  headersMs: 10_000,
  /** Between two requests on one connection. */
  keepAliveMs: 10_000,
  /** How often connections are looked at for those that were too slow. */
  slowCheckMs: 2_000,
  listItems: 1000,
  /** Longest path parameter; a thumbprint has 43 characters, a tile path fewer than 64. */
  paramCharacters: 64,
} as const;

export const mediaTypes = {
  json: 'application/json',
  problem: 'application/problem+json',
  package: packageMediaTypes.package,
  octets: 'application/octet-stream',
  lines: packageMediaTypes.records,
  checkpoint: 'text/plain; charset=utf-8',
  document: documentMediaTypes,
} as const;

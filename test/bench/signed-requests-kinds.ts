import type { JWK } from 'jose';

/** Algorithms that are measured: software keys, and those of smart cards. */
export const signatureKinds = ['ES256', 'EdDSA', 'PS256'] as const;
export type SignatureKind = (typeof signatureKinds)[number];

/** What is asked: a list of one order. */
export const askedPath = '/v1/orders';
export const barePort = 18_435;
export const servicePort = 18_436;

/** What one credential may ask at once, less what its enrolment and chance take (see the service's limits). */
export const perCredential = 500;

/** Somebody who asks. */
export interface Asker {
  readonly kind: SignatureKind;
  readonly credentialId: string;
  readonly privateKey: JWK;
}

/** File of the askers, of a service's data folder. */
export const askersFile = (folder: string): string => `${folder}.askers.json`;

export interface Loaded {
  readonly rate: number;
  readonly p99Ms: number;
}

export interface ServerReport {
  readonly idleBytes: number;
  readonly peakBytes: number;
}

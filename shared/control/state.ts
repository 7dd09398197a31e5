import type { DetailsOf, EntryKind, ServiceConfiguration } from './details.ts';
import { noRetention, type RetentionState } from './retention.ts';

/** A credential as the ledger knows it. `thumbprint` is its key's RFC 7638 thumbprint and the `kid` of its proofs. */
export type Credential = DetailsOf<'credential.enrolled'> & { readonly revokedAt?: string };

export type OrderStatus = 'AwaitingApproval' | 'Approved' | 'Rejected' | 'Expired';

/** An order as the ledger knows it; its contents are in the case file that `commitments` names. */
export interface OrderState {
  readonly orderId: string;
  readonly details: DetailsOf<'order.recorded'>;
  readonly commitments: Readonly<Record<string, string>>;
  readonly recordedAt: string;
  /** Thumbprint and person of the registrar. */
  readonly recordedBy: Person;
  readonly decision?: { readonly status: 'Approved' | 'Rejected'; readonly at: string; readonly by: Person };
  /** When its case files and their key were destroyed. */
  readonly erasedAt?: string;
}

export interface Person {
  readonly thumbprint: string;
  readonly personId: string;
}

/** Task statuses of ETSI TS 103 120. */
export const disclosureStatuses = [
  'AwaitingDisclosure',
  'Disclosed',
  'DisclosureNotAvailable',
  'Cancelled',
  'Error',
] as const;
export type DisclosureStatus = (typeof disclosureStatuses)[number];

export interface DisclosureState {
  readonly disclosureId: string;
  readonly orderId: string;
  readonly requestedAt: string;
  readonly requestedBy: Person;
  readonly commitments: Readonly<Record<string, string>>;
  readonly status: DisclosureStatus;
  readonly released?: {
    readonly index: number;
    readonly at: string;
    readonly details: DetailsOf<'disclosure.released'>;
  };
  readonly failure?: string;
  readonly collections: number;
  /** When the package was taken off the server. */
  readonly packageRemovedAt?: string;
}

/** Current state of the control plane: a fold over the ledger, and nothing else. */
export interface ControlState {
  /** Number of entries folded. */
  size: number;
  configuration: ServiceConfiguration | null;
  /** Changes of the ledger's own key, oldest first. */
  keyRotations: readonly { readonly index: number; readonly from: string; readonly to: string }[];
  readonly credentials: Map<string, Credential>;
  readonly orders: Map<string, OrderState>;
  readonly disclosures: Map<string, DisclosureState>;
  /** `kid` and `jti` of every proof that became an entry's evidence, with the second until which it is remembered. */
  readonly usedProofs: Map<string, number>;
  readonly counts: Map<EntryKind, number>;
  retention: RetentionState;
  /** Time of the latest entry; of noise, its end. Empty before the first. */
  latestAt: string;
  /** See `believedTime`. */
  believedAt: string;
  /** Entries up to and with the last that a person signed for. */
  signedSize: number;
}

export function emptyState(): ControlState {
  return {
    size: 0,
    configuration: null,
    keyRotations: [],
    credentials: new Map(),
    orders: new Map(),
    disclosures: new Map(),
    usedProofs: new Map(),
    counts: new Map(),
    retention: noRetention,
    latestAt: '',
    believedAt: '',
    signedSize: 0,
  };
}

/** Whether a credential may act at `at` (RFC 3339 UTC): in its validity and not revoked by then. */
export function credentialIsActive(credential: Credential, at: string): boolean {
  return credential.notBefore <= at && at < credential.notAfter && credential.revokedAt === undefined;
}

export function orderStatus(order: OrderState, at: string): OrderStatus {
  if (order.decision?.status === 'Rejected') return 'Rejected';
  if (at > order.details.validUntil) return 'Expired';
  return order.decision?.status ?? 'AwaitingApproval';
}

export function personOf(credential: Credential): Person {
  return { thumbprint: credential.thumbprint, personId: credential.personId };
}

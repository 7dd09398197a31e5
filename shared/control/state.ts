import type { DetailsOf, EntryKind, ServiceConfiguration } from './details.ts';
import type { RecordedDiskKey } from './disk-keys.ts';
import type { HoldState } from './holds.ts';
import type { OrderState } from './order-state.ts';
import type { Pattern, PatternAlarm, PatternTally } from './pattern-entries.ts';
import { noRetention, type RetentionState } from './retention.ts';
import type { ListInUse } from './revocation.ts';

/** A credential as the ledger knows it. `thumbprint` is its key's RFC 7638 thumbprint and the `kid` of its proofs. */
export type Credential = DetailsOf<'credential.enrolled'> & {
  /** The administrator who enrolled it, while no other has confirmed it: it may do nothing. */
  readonly pending?: Person;
  readonly confirmedAt?: string;
  readonly revokedAt?: string;
  /** Thumbprint of the key that took its place, for which it signed itself. */
  readonly replacedBy?: string;
  /** SHA-256 of the revocation list that ended it. */
  readonly revokedBy?: string;
};

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
  /** Version of the order that the request named. */
  readonly orderVersion: number;
  readonly requestedAt: string;
  readonly requestedBy: Person;
  readonly commitments: Readonly<Record<string, string>>;
  /** Whether it is for all that the order asks for. */
  readonly whole?: true;
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
  /** Time of each credential's last signed request that was not refused, by thumbprint. */
  readonly lastUse: Map<string, string>;
  /** Whether enrolments must be confirmed: from the first that carries a proof of possession on, for ever. */
  dualControl: boolean;
  /** By the authority; see `ChainLink`. */
  readonly revocationLists: Map<string, ListInUse>;
  readonly orders: Map<string, OrderState>;
  readonly disclosures: Map<string, DisclosureState>;
  /** By the order that keeps. */
  readonly holds: Map<string, HoldState>;
  /** `kid` and `jti` of every proof that became an entry's evidence, with the second until which it is remembered. */
  readonly usedProofs: Map<string, number>;
  readonly counts: Map<EntryKind, number>;
  retention: RetentionState;
  /** Keys of the encrypted disk that are not destroyed, the oldest first. */
  diskKeys: RecordedDiskKey[];
  /** How often what was seen, by pattern and whom it is about. */
  readonly patternTallies: Map<string, PatternTally>;
  /** Alarms that the entries so far made due, and that are not entries yet: the next ones are. */
  alarmsDue: readonly PatternAlarm[];
  readonly alarmsRaised: Map<Pattern, number>;
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
    lastUse: new Map(),
    dualControl: false,
    revocationLists: new Map(),
    orders: new Map(),
    disclosures: new Map(),
    holds: new Map(),
    usedProofs: new Map(),
    counts: new Map(),
    retention: noRetention,
    diskKeys: [],
    patternTallies: new Map(),
    alarmsDue: [],
    alarmsRaised: new Map(),
    latestAt: '',
    believedAt: '',
    signedSize: 0,
  };
}

/** Whether a credential may act at `at` (RFC 3339 UTC): in its validity, confirmed, and not revoked by then. */
export function credentialIsActive(credential: Credential, at: string): boolean {
  const { pending, revokedAt } = credential;
  return isInValidity(credential, at) && pending === undefined && revokedAt === undefined;
}

export function isInValidity({ notBefore, notAfter }: Credential, at: string): boolean {
  return notBefore <= at && at < notAfter;
}

export function personOf(credential: Credential): Person {
  return { thumbprint: credential.thumbprint, personId: credential.personId };
}

import type { CaseFiles } from '#shared/case-files';
import type { Ledger, LedgerReader } from '#shared/ledger';
import type { TrustAnchors } from '#shared/order-document';
import type { Regimes } from '#shared/orders';
import type { Clock, Logger } from '#shared/runtime';
import type { TrafficStore } from '#shared/store';
import type { CaseErasure } from './control/case-erasure.ts';
import type { ControlPlane } from './control/control-plane.ts';
import type { NoiseCounter } from './control/noise.ts';
import type { RefusalMemory } from './control/repeats.ts';
import type { Nonces } from './passkeys/nonces.ts';
import type { PackageFolder } from './release/packages.ts';
import type { ReleaseQueue } from './release/release-queue.ts';
import type { KeptLists, Revocation } from './revocation/index.ts';
import type { Witnessing } from './witnesses/witnessing.ts';

/** What the routes work with. */
export interface ServiceContext {
  readonly control: ControlPlane;
  readonly ledger: Ledger;
  /** Verifier key (vkey) of the checkpoints. */
  readonly ledgerKey: string;
  readonly ledgerFiles: LedgerReader;
  /** Null where no witnesses are configured. */
  readonly witnessing: Pick<Witnessing, 'cosigned' | 'dress'> | null;
  /** Certificates to which those of credentials must lead, DER; empty where none are taken. */
  readonly anchors: readonly Uint8Array[];
  /** The revocation lists in use, as they are kept. */
  readonly lists: Pick<KeptLists, 'read'>;
  /** How the revocation lists stand; see `Revocation`. */
  readonly revocation: Pick<Revocation, 'figures'>;
  readonly nonces: Nonces;
  /** Models of authenticators that passkeys may be of, by AAGUID; empty where all are. */
  readonly passkeyModels: ReadonlySet<string>;
  readonly cases: CaseFiles;
  readonly erasure: CaseErasure;
  /** The legal regimes in force. */
  readonly regimes: Regimes;
  /** What signatures of orders' documents must lead to. */
  readonly documentAnchors: TrustAnchors;
  readonly store: TrafficStore;
  readonly packages: PackageFolder;
  readonly releases: ReleaseQueue;
  readonly noise: NoiseCounter;
  readonly refusals: RefusalMemory;
  readonly clock: Clock;
  readonly logger: Logger;
}

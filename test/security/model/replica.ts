import { join } from 'node:path';
import { createDisclosureService, type DisclosureService } from '#services/disclosure';
import { createMasterKey, generateMasterKey } from '#shared/case-files';
import {
  createLedger,
  createNoteSigner,
  generateNoteKey,
  type Ledger,
  type LedgerEntry,
  type LedgerOrder,
} from '#shared/ledger';
import { type createMemoryStorage, createOrderedLedger } from '#shared/ledger-storage';
import { type Clock, silentLogger } from '#shared/runtime';
import { defaultRetention, type TrafficStore } from '#shared/store';
import { projectToCategories } from '#shared/traffic';
import { ReleaseStopped } from '../../../services/disclosure/release/release.ts';
import { ceremonyAdministrator } from '../../support/enrolment.ts';
import { testEvent } from '../../support/events.ts';
import { storedLines } from '../../support/released-lines.ts';
import { audience, testConfiguration } from '../../support/test-service.ts';
import { LateOrder } from './late-order.ts';
import type { Fixed } from './requests.ts';

export const signer = createNoteSigner('griffie.example.nl/ledger', generateNoteKey());
export const caseMaster = createMasterKey(generateMasterKey());

/** What is there before and after a replica. */
export interface Place {
  readonly name: string;
  /** Its copy of the ledger. */
  readonly storage: ReturnType<typeof createMemoryStorage>;
  /** Folder of case files and packages. */
  readonly folder: string;
  readonly snapshots: string;
  /** Order of the ledger, where there are two replicas. */
  readonly order: LedgerOrder | null;
}

export interface Replica {
  readonly place: Place;
  readonly ledger: Ledger;
  readonly service: DisclosureService;
  readonly url: string;
  /** Its way to the order, where there are two replicas. */
  readonly order: LateOrder | null;
  stop(): Promise<void>;
  /** From here on it writes nothing more, as if its process were gone. */
  kill(): Promise<void>;
}

interface Surroundings {
  readonly fixed: Fixed;
  readonly clock: Clock;
  /** Resolves once the store may answer. */
  readonly opened: () => Promise<void>;
  /** Names of the administrators of the ceremony. */
  readonly administrators: readonly string[];
  /** With what the ledger begins, where it is new and others were there before. */
  readonly entries: readonly LedgerEntry[];
}

export async function startReplica(place: Place, around: Surroundings): Promise<Replica> {
  const { name, storage, folder, snapshots } = place;
  const { fixed, clock, opened } = around;
  const { manifestKey } = fixed;
  const order = place.order && new LateOrder(place.order);
  const ordered = order && {
    order,
    cache: storage,
    signer,
    secret: Buffer.alloc(32, 7),
    logger: silentLogger,
  };
  const ledger = ordered ? await createOrderedLedger(ordered) : await createLedger({ storage, signer });
  if (around.entries.length > 0) await ledger.append(around.entries);
  let crash = (): void => {};
  const crashed = new Promise<never>((_, reject) => {
    crash = () => reject(new ReleaseStopped('service.stopping'));
  });
  crashed.catch(() => {});
  const candidates = around.administrators.map((credentialId) => {
    const key = fixed.keys.get(credentialId);
    if (!key) throw new Error(`no key for ${credentialId}`);
    return ceremonyAdministrator({ key, credentialId, audience, now: clock.now() });
  });
  const service = await createDisclosureService({
    ledger,
    ledgerFiles: storage,
    ledgerKey: signer.verifier.vkey,
    store: oneRecord(() => Promise.race([opened(), crashed])),
    clock,
    logger: silentLogger,
    manifestSigner: { kid: manifestKey.kid, privateKey: manifestKey.privateKey },
    caseMasterKey: caseMaster,
    caseFolder: join(folder, 'cases'),
    packageFolder: join(folder, 'packages'),
    snapshots: { folder: snapshots, key: Buffer.alloc(32, 9) },
    ...(order ? { replica: name } : {}),
    operator: 'Example Mail',
    configuration: {
      ...testConfiguration(manifestKey),
      // So low that many histories have alarms, whose every entry must follow.
      patterns: {
        ...{ refusalsOfCredential: 3, refusals: 6, anonymousRefusals: 2, ordersOfPair: 2, requestsOfPair: 2 },
        ...{ packagesNotFetched: 1, unusedDays: 9 },
        workingHours: { zone: 'Europe/Amsterdam', from: '07:00', to: '19:00', days: [1, 2, 3, 4, 5] },
      },
    },
    ceremony: await Promise.all(candidates),
  });
  const port = await service.start({ host: '127.0.0.1', port: 0 });
  const stop = async () => {
    await service.close();
    await ledger.close();
  };
  const kill = async () => {
    await ledger.close();
    crash();
    await service.close();
  };
  return { place, ledger, service, url: `http://127.0.0.1:${port}`, order, stop, kill };
}

const record = testEvent();

/** A store of one record, which answers once it may. The gate reads nothing else of a store. */
function oneRecord(mayAnswer: () => Promise<void>): TrafficStore {
  const { occurredAt, collectedAt } = record;
  const nothing = async (): Promise<void> => {};
  const query = { text: 'SELECT 1', parameters: {} };
  return {
    retention: defaultRetention,
    insertEvents: nothing,
    insertRejected: nothing,
    insertTallies: nothing,
    readScope: () => ({ query, async *[Symbol.asyncIterator]() {} }),
    readReleased: ({ categories }) => ({
      query,
      async *[Symbol.asyncIterator]() {
        await mayAnswer();
        const released = projectToCategories(record, categories);
        if (released !== null) yield storedLines([released]);
      },
      eventsBefore: async () => new Set(),
    }),
    countScope: async () => ({}),
    dataWindow: async () => ({
      firstCollectedAt: collectedAt,
      lastCollectedAt: collectedAt,
      firstOccurredAt: occurredAt,
      lastOccurredAt: occurredAt,
    }),
    close: nothing,
  };
}

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { certificateDigest } from '#shared/certificates';
import type { PatternThresholds } from '#shared/control';
import {
  createLedger,
  type Ledger,
  type LedgerOrder,
  type LedgerStorage,
  witnessedPath,
} from '#shared/ledger';
import {
  createOrderedLedger,
  createTileDirectory,
  type OrderedLedger,
  seedOrder,
} from '#shared/ledger-storage';
import { readAnchors as readDocumentAnchors } from '#shared/order-document';
import type { Regimes } from '#shared/orders';
import { type Clock, type Logger, softwareVersion } from '#shared/runtime';
import type { RetentionPeriod, TrafficStore } from '#shared/store';
import { type CeremonyAdministrator, readCeremony } from './ceremony.ts';
import { readAnchors } from './certificate-anchors.ts';
import { openKeys, type ServiceKeys } from './keys.ts';
import { assertNoRotation, readRotations, resumeRotation } from './ledger-rotation.ts';
import { applyPasskeyPolicy, type PasskeyPolicy } from './passkeys/models.ts';
import { openTopicSecret } from './replica.ts';
import { type RevocationSettings, requiredAuthorities } from './revocation/index.ts';
import { type Answered, createDisclosureService, type DisclosureService } from './service.ts';
import type { Stamping } from './timestamps/stamping.ts';
import { readWitnessPolicy } from './witnesses/policy-file.ts';
import { openWitnessing, type Witnessing } from './witnesses/witnessing.ts';

/** PEM files of the listener. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** Authorities of which every client must show a certificate. */
  readonly clientAnchorsFile?: string | undefined;
}

/** An installation's ledger, under its writer's lock, and its keys. */
export interface Installation {
  readonly ledger: Ledger;
  /** The same ledger, where it is one of several replicas. */
  readonly ordered?: OrderedLedger;
  readonly ledgerFiles: LedgerStorage;
  readonly ledgerFolder: string;
  readonly keys: ServiceKeys;
  readonly publicUrl: string;
  /** Of the last ceremony on the console. */
  readonly ceremony: readonly CeremonyAdministrator[];
  /** Names of key files that were made just now. */
  readonly keysMade: readonly string[];
}

interface InstallationOptions {
  /** Absolute; its parent must be there. */
  readonly ledgerFolder: string;
  /** Absolute. */
  readonly keyFolder: string;
  readonly publicUrl: string;
  /** Master keys of the case files, where they are not in the key folder. */
  readonly caseMasterKeys?: string | undefined;
  readonly clock: Clock;
  /** Where several replicas write the ledger: what gives it its order. Closed with the ledger. */
  readonly replication?: { readonly order: LedgerOrder; readonly logger: Logger };
}

/**
 * Opens keys and ledger; makes those of a new installation.
 * @throws LedgerError `ledger.locked` where another process has it, `ledger.order_differs`; KeyFileError;
 * CeremonyFileError; whatever the order rejects with
 */
export async function openInstallation(options: InstallationOptions): Promise<Installation> {
  const { ledgerFolder, keyFolder, publicUrl } = options;
  const ledgerFiles = createTileDirectory(ledgerFolder);
  const ceremony = await readCeremony(keyFolder);
  const opened = await openLedger(options, ledgerFiles);
  return { ...opened, ledgerFiles, ledgerFolder, publicUrl, ceremony };
}

async function openLedger(
  { ledgerFolder, keyFolder, publicUrl, caseMasterKeys, clock, replication }: InstallationOptions,
  files: LedgerStorage,
): Promise<Pick<Installation, 'ledger' | 'ordered' | 'keys' | 'keysMade'>> {
  const isEmpty = (await files.readCommitted()) === undefined;
  const common = { publicUrl, caseMasterKeys };
  if (replication === undefined) {
    if (!isEmpty) await resumeRotation({ ledgerFolder, keyFolder, clock });
    const keys = await openKeys(keyFolder, { ...common, isNew: isEmpty });
    const ledger = await createLedger({ storage: files, signer: keys.ledger });
    return { ledger, keys, keysMade: keys.made };
  }
  const { order, logger } = replication;
  try {
    const isNew = isEmpty && (await order.bounds()).end === 0;
    const keys = await openKeys(keyFolder, { ...common, isNew });
    const { secret, made } = await openTopicSecret(keyFolder, { isNew });
    const ordered = await createOrderedLedger({ order, cache: files, signer: keys.ledger, secret, logger });
    return { ledger: ordered, ordered, keys, keysMade: [...keys.made, ...made] };
  } catch (error) {
    await order.close();
    throw error;
  }
}

/**
 * Puts an installation's ledger into an order, or what the order lacks of it; see `seedOrder`. Makes the
 * replicas' secret where there is none yet.
 * @returns how many entries were put, and the names of key files that were made
 * @throws LedgerError `ledger.locked` while a process runs over the folder, `ledger.order_differs`; KeyFileError;
 * RotationError while the ledger's key is being changed
 */
export async function seedInstallation(options: {
  readonly ledgerFolder: string;
  readonly keyFolder: string;
  readonly order: LedgerOrder;
}): Promise<{ readonly entries: number; readonly keysMade: readonly string[] }> {
  const { ledgerFolder, keyFolder, order } = options;
  await assertNoRotation(keyFolder);
  const keys = await openKeys(keyFolder, { publicUrl: '', isNew: false });
  const isNew = (await order.bounds()).end === 0;
  const { secret, made } = await openTopicSecret(keyFolder, { isNew });
  const cache = createTileDirectory(ledgerFolder);
  return { entries: await seedOrder({ order, cache, signer: keys.ledger, secret }), keysMade: made };
}

/** The disclosure API of an installation; does not listen yet. The installation's ledger stays the caller's. */
export async function openDisclosure(
  installation: Installation,
  options: {
    readonly store: TrafficStore;
    readonly clock: Clock;
    readonly logger: Logger;
    readonly caseFolder: string;
    readonly packageFolder: string;
    /** The state is kept here for the next start; it may be deleted. */
    readonly snapshotFolder: string;
    /** This replica's name, where several share the two folders. */
    readonly replica?: string | undefined;
    readonly operator: string;
    readonly regimes: Regimes;
    /** PEM of what signatures of orders' documents must lead to. */
    readonly documentAnchorsFile?: string | undefined;
    readonly retention: RetentionPeriod;
    /** From what on patterns are told. */
    readonly alarms: PatternThresholds;
    readonly tls?: TlsFiles | undefined;
    /** PEM of the authorities whose certificates credentials may have. */
    readonly anchorsFile?: string | undefined;
    /** Revocation lists of those authorities. */
    readonly certificateLists?: RevocationSettings | undefined;
    /** Where lists in use are kept; replicas share it. */
    readonly listFolder: string;
    readonly passkeys?: PasskeyPolicy | undefined;
    readonly witnessing?: Witnessing | undefined;
    readonly stamping?: Stamping | undefined;
    readonly onAnswer?: (answered: Answered) => void;
  },
): Promise<DisclosureService> {
  const { ledger, ledgerFiles, keys, publicUrl, ceremony } = installation;
  const { retention, alarms, tls, witnessing, stamping, snapshotFolder, ...others } = options;
  const { replica, anchorsFile, certificateLists, listFolder, passkeys, documentAnchorsFile, ...given } =
    others;
  const anchors = anchorsFile === undefined ? [] : await readAnchors(anchorsFile);
  return createDisclosureService({
    ...given,
    ledger,
    ledgerFiles,
    ledgerKey: keys.ledger.verifier.vkey,
    manifestSigner: keys.manifest,
    snapshots: { folder: snapshotFolder, key: keys.snapshotKey },
    caseMasterKey: keys.caseMasterKey,
    configuration: {
      software: softwareVersion,
      audience: publicUrl,
      retentionPeriod: `P${retention.months}M`,
      manifestKey: { ...keys.manifestPublicKey },
      ...(anchors.length > 0 ? { anchors: anchors.map(certificateDigest) } : {}),
      ...(certificateLists ? { revocation: await requiredAuthorities(certificateLists, anchors) } : {}),
      patterns: alarms,
    },
    anchors,
    ...(certificateLists ? { certificateLists: { settings: certificateLists, folder: listFolder } } : {}),
    ...(passkeys ? { passkeyModels: await applyPasskeyPolicy(passkeys) } : {}),
    ceremony,
    ...(witnessing ? { witnessing } : {}),
    ...(stamping ? { stamping } : {}),
    ...(documentAnchorsFile === undefined
      ? {}
      : { documentAnchors: await readDocumentAnchors(documentAnchorsFile) }),
    ...(replica ? { replica } : {}),
    ...(tls ? { tls: await readTls(tls) } : {}),
  });
}

/**
 * Has an installation's checkpoints cosigned by the witnesses of a policy file; asks nobody yet.
 * @throws WitnessPolicyError
 */
export async function openInstallationWitnessing(
  { ledger, ledgerFiles, ledgerFolder, keys }: Installation,
  options: {
    readonly policyFile: string;
    readonly intervalMs?: number;
    readonly clock: Clock;
    readonly logger: Logger;
  },
): Promise<Witnessing> {
  const { policyFile, ...given } = options;
  return openWitnessing({
    ...given,
    requirement: await readWitnessPolicy(policyFile),
    ledger,
    rotations: () => readRotations(ledgerFiles),
    log: keys.ledger.verifier,
    file: join(ledgerFolder, witnessedPath),
  });
}

async function readTls({ certFile, keyFile, clientAnchorsFile }: TlsFiles) {
  const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)]);
  return { cert, key, ...(clientAnchorsFile ? { clientAnchors: await readFile(clientAnchorsFile) } : {}) };
}

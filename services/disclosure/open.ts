import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { certificateDigest } from '#shared/certificates';
import { createLedger, type Ledger, type LedgerStorage, witnessedPath } from '#shared/ledger';
import { createTileDirectory } from '#shared/ledger-storage';
import { type Clock, type Logger, softwareVersion } from '#shared/runtime';
import type { RetentionPeriod, TrafficStore } from '#shared/store';
import { type CeremonyAdministrator, readCeremony } from './ceremony.ts';
import { readAnchors } from './certificate-anchors.ts';
import { openKeys, type ServiceKeys } from './keys.ts';
import { applyPasskeyPolicy, type PasskeyPolicy } from './passkeys/models.ts';
import { type Answered, createDisclosureService, type DisclosureService } from './service.ts';
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
  readonly ledgerFiles: LedgerStorage;
  readonly ledgerFolder: string;
  readonly keys: ServiceKeys;
  readonly publicUrl: string;
  /** Of the last ceremony on the console. */
  readonly ceremony: readonly CeremonyAdministrator[];
  /** Names of key files that were made just now. */
  readonly keysMade: readonly string[];
}

/**
 * Opens keys and ledger; makes those of a new installation.
 * @param options folders are absolute; the ledger's parent must be there
 * @throws LedgerError `ledger.locked` where another process has it; KeyFileError; CeremonyFileError
 */
export async function openInstallation(options: {
  readonly ledgerFolder: string;
  readonly keyFolder: string;
  readonly publicUrl: string;
}): Promise<Installation> {
  const { ledgerFolder, keyFolder, publicUrl } = options;
  const ledgerFiles = createTileDirectory(ledgerFolder);
  const isNew = (await ledgerFiles.readCommitted()) === undefined;
  const keys = await openKeys(keyFolder, { publicUrl, isNew });
  const ceremony = await readCeremony(keyFolder);
  const ledger = await createLedger({ storage: ledgerFiles, signer: keys.ledger });
  return { ledger, ledgerFiles, ledgerFolder, keys, publicUrl, ceremony, keysMade: keys.made };
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
    readonly operator: string;
    readonly retention: RetentionPeriod;
    readonly tls?: TlsFiles | undefined;
    /** PEM of the authorities whose certificates credentials may have. */
    readonly anchorsFile?: string | undefined;
    readonly passkeys?: PasskeyPolicy | undefined;
    readonly witnessing?: Witnessing | undefined;
    readonly onAnswer?: (answered: Answered) => void;
  },
): Promise<DisclosureService> {
  const { ledger, ledgerFiles, keys, publicUrl, ceremony } = installation;
  const { retention, tls, witnessing, anchorsFile, passkeys, snapshotFolder, ...given } = options;
  const anchors = anchorsFile === undefined ? [] : await readAnchors(anchorsFile);
  return createDisclosureService({
    ...given,
    ledger,
    ledgerFiles,
    ledgerKey: keys.ledger.verifier.vkey,
    manifestSigner: keys.manifest,
    caseFileIdentity: keys.caseFileIdentity,
    snapshots: { folder: snapshotFolder, key: keys.snapshotKey },
    configuration: {
      software: softwareVersion,
      audience: publicUrl,
      retentionPeriod: `P${retention.months}M`,
      manifestKey: { ...keys.manifestPublicKey },
      ...(anchors.length > 0 ? { anchors: anchors.map(certificateDigest) } : {}),
    },
    anchors,
    ...(passkeys ? { passkeyModels: await applyPasskeyPolicy(passkeys) } : {}),
    ceremony,
    ...(witnessing ? { witnessing } : {}),
    ...(tls ? { tls: await readTls(tls) } : {}),
  });
}

/**
 * Has an installation's checkpoints cosigned by the witnesses of a policy file; asks nobody yet.
 * @throws WitnessPolicyError
 */
export async function openInstallationWitnessing(
  { ledger, ledgerFolder, keys }: Installation,
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
    log: keys.ledger.verifier,
    file: join(ledgerFolder, witnessedPath),
  });
}

async function readTls({ certFile, keyFile, clientAnchorsFile }: TlsFiles) {
  const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)]);
  return { cert, key, ...(clientAnchorsFile ? { clientAnchors: await readFile(clientAnchorsFile) } : {}) };
}

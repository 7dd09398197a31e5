import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createLedger, type Ledger, type LedgerStorage, witnessedPath } from '#shared/ledger';
import { createTileDirectory } from '#shared/ledger-storage';
import { type Clock, type Logger, softwareVersion } from '#shared/runtime';
import type { RetentionPeriod, TrafficStore } from '#shared/store';
import type { FirstAdministrator } from './control/bootstrap.ts';
import { openFirstAdministrator, openKeys, type ServiceKeys } from './keys.ts';
import { readRotations, resumeRotation } from './ledger-rotation.ts';
import { type Answered, createDisclosureService, type DisclosureService } from './service.ts';
import type { Stamping } from './timestamps/stamping.ts';
import { readWitnessPolicy } from './witnesses/policy-file.ts';
import { openWitnessing, type Witnessing } from './witnesses/witnessing.ts';

/** An installation's ledger, under its writer's lock, and its keys. */
export interface Installation {
  readonly ledger: Ledger;
  readonly ledgerFiles: LedgerStorage;
  readonly ledgerFolder: string;
  readonly keys: ServiceKeys;
  readonly publicUrl: string;
  /** Where the ledger has no entries yet. */
  readonly firstAdministrator?: FirstAdministrator;
  /** Names of key files that were made just now. */
  readonly keysMade: readonly string[];
}

/**
 * Opens keys and ledger; makes those of a new installation.
 * @param options folders are absolute; the ledger's parent must be there
 * @throws LedgerError `ledger.locked` where another process has it; KeyFileError
 */
export async function openInstallation(options: {
  readonly ledgerFolder: string;
  readonly keyFolder: string;
  readonly publicUrl: string;
  /** Master keys of the case files, where they are not in the key folder. */
  readonly caseMasterKeys?: string | undefined;
  readonly clock: Clock;
}): Promise<Installation> {
  const { ledgerFolder, keyFolder, publicUrl, caseMasterKeys, clock } = options;
  const ledgerFiles = createTileDirectory(ledgerFolder);
  const isNew = (await ledgerFiles.readCommitted()) === undefined;
  if (!isNew) await resumeRotation({ ledgerFolder, keyFolder, clock });
  const keys = await openKeys(keyFolder, { publicUrl, isNew, caseMasterKeys });
  const ledger = await createLedger({ storage: ledgerFiles, signer: keys.ledger });
  const open = { ledger, ledgerFiles, ledgerFolder, keys, publicUrl };
  try {
    if (ledger.checkpoint().size > 0) return { ...open, keysMade: keys.made };
    const first = await openFirstAdministrator(keyFolder, { publicUrl, now: clock.now() });
    return { ...open, firstAdministrator: first.administrator, keysMade: [...keys.made, ...first.made] };
  } catch (error) {
    await ledger.close();
    throw error;
  }
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
    readonly tls?: { readonly certFile: string; readonly keyFile: string } | undefined;
    readonly witnessing?: Witnessing | undefined;
    readonly stamping?: Stamping | undefined;
    readonly onAnswer?: (answered: Answered) => void;
  },
): Promise<DisclosureService> {
  const { ledger, ledgerFiles, keys, publicUrl, firstAdministrator } = installation;
  const { retention, tls, witnessing, stamping, snapshotFolder, ...given } = options;
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
    },
    ...(firstAdministrator ? { firstAdministrator } : {}),
    ...(witnessing ? { witnessing } : {}),
    ...(stamping ? { stamping } : {}),
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

async function readTls({ certFile, keyFile }: { certFile: string; keyFile: string }) {
  const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)]);
  return { cert, key };
}

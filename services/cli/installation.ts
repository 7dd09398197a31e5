import { join, resolve } from 'node:path';
import { LedgerError } from '#shared/ledger';
import { createTileDirectory } from '#shared/ledger-storage';
import { refused } from './errors.ts';
import { fileError } from './files.ts';

/** Where an installation has what: the same for `griffie start` and for the disclosure service. */
export interface InstallationFolders {
  readonly ledgerFolder: string;
  readonly caseFolder: string;
  readonly keyFolder: string;
}

export function installationFolders(options: {
  readonly data: string;
  readonly keys?: string | undefined;
}): InstallationFolders {
  const data = resolve(options.data);
  return {
    ledgerFolder: join(data, 'ledger'),
    caseFolder: join(data, 'cases'),
    keyFolder: options.keys === undefined ? join(data, 'keys') : resolve(options.keys),
  };
}

/** Refuses a folder without a ledger: a misspelt one must not become a new installation. */
export async function requireLedger(ledgerFolder: string): Promise<void> {
  if ((await createTileDirectory(ledgerFolder).readCommitted()) !== undefined) return;
  throw refused('ledger.missing', `there is no ledger in ${ledgerFolder}; name the folder with --data`);
}

/** Does something while no service can be running on the installation. */
export async function withLedgerLock<T>(
  { ledgerFolder }: Pick<InstallationFolders, 'ledgerFolder'>,
  work: () => Promise<T>,
): Promise<T> {
  await requireLedger(ledgerFolder);
  const lock = await createTileDirectory(ledgerFolder)
    .lock()
    .catch((error: unknown) => {
      if (error instanceof LedgerError && error.code === 'ledger.locked') {
        throw refused('ledger.locked', 'the service runs on this folder; stop it first');
      }
      throw fileError(ledgerFolder, error);
    });
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

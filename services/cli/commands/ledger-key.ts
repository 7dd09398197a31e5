import type { Command } from 'commander';
import { LedgerError } from '#shared/ledger';
import { refused } from '../errors.ts';
import { installationFolders, requireLedger } from '../installation.ts';
import type { CliIo } from '../io.ts';
import { example } from '../options.ts';
import { pairs, printResult } from '../output.ts';
import { inFolders } from './case.ts';

interface RotateOptions {
  readonly data: string;
  readonly keys?: string;
  readonly finish?: boolean;
  readonly atOnce?: boolean;
  readonly json?: boolean;
}

/** `griffie service rotate-ledger-key`: on the server's console, while the service does not run. */
export function addLedgerKeyCommand(service: Command, io: CliIo): void {
  inFolders(service.command('rotate-ledger-key'))
    .description(
      "change the ledger's signing key: the old one signs for the new; the service must be stopped",
    )
    .option('--finish', 'end the change: the old key, which signed beside the new one, is destroyed')
    .option('--at-once', 'change and finish together, where the old key must sign nothing more')
    .addHelpText(
      'after',
      example(
        'service rotate-ledger-key --data /var/lib/griffie --keys /etc/griffie/keys',
        'service rotate-ledger-key --finish --data /var/lib/griffie --keys /etc/griffie/keys',
      ),
    )
    .action(async (options: RotateOptions) => {
      const { ledgerFolder, keyFolder } = installationFolders(options);
      await requireLedger(ledgerFolder);
      const folders = { ledgerFolder, keyFolder, clock: { now: () => io.now() } };
      // With the service come the engine's client and the web server: only here.
      const { finishRotation, KeyFileError, RotationError, rotateLedgerKey } = await import(
        '#services/disclosure'
      );
      try {
        const rotated = options.finish ? await finishRotation(folders) : await rotateLedgerKey(folders);
        if (options.atOnce) await finishRotation(folders);
        const isFinished = options.finish === true || options.atOnce === true;
        await printResult(io, options.json, { ...rotated, finished: isFinished }, [
          ...pairs({ from: rotated.from, to: rotated.to }),
          '',
          isFinished
            ? 'The old key is destroyed here; destroy its backups, too. The new one signs alone.'
            : 'Both keys sign from the next start on. Back up the new one. Tell witnesses and auditors; then --finish.',
        ]);
      } catch (error) {
        if (error instanceof RotationError || error instanceof KeyFileError) {
          throw refused(error.code, error.message);
        }
        if (error instanceof LedgerError && error.code === 'ledger.locked') {
          throw refused(error.code, 'the service runs on this folder; stop it first');
        }
        throw error;
      }
    });
}

import type { Command } from 'commander';
import { runService } from '#shared/runtime';
import { CliError, exitCodes } from '../errors.ts';
import type { CliIo } from '../io.ts';
import { example } from '../options.ts';

interface WitnessOptions {
  readonly folder?: string;
  readonly name?: string;
  readonly logs?: string;
  readonly listen?: string;
}

/** `griffie witness`: what an auditor runs where the operator of the log has no hand. */
export function addWitnessCommand(program: Command, io: CliIo): void {
  program
    .command('witness')
    .description('cosign the checkpoints of ledgers, one history of each, until it is stopped')
    .option(
      '--folder <folder>',
      'its key and what it cosigned last; made at the first start (WITNESS_FOLDER)',
    )
    .option('--name <name>', 'its name for ever, such as witness.example.nl/griffie (WITNESS_NAME)')
    .option('--logs <file>', 'verifier keys of the ledgers to follow, one a line (WITNESS_LOGS_FILE)')
    .option('--listen <host:port>', 'address of add-checkpoint (WITNESS_LISTEN; default: 127.0.0.1:8426)')
    .addHelpText(
      'after',
      `${example('witness --folder ./witness --name witness.example.nl/griffie --logs ledgers.txt')}\n\nHEALTH_LISTEN and LOG_LEVEL are read from the environment, as by every service.`,
    )
    .action(async ({ folder, name, logs, listen }: WitnessOptions) => {
      const { witnessService } = await import('#services/witness');
      const given = {
        WITNESS_FOLDER: folder,
        WITNESS_NAME: name,
        WITNESS_LOGS_FILE: logs,
        WITNESS_LISTEN: listen,
      };
      const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
      let exitCode = 0;
      await runService(witnessService, {
        argv: [],
        env: { ...io.env, ...set },
        stdin: io.stdin,
        stdout: io.stdout,
        stderr: io.stderr,
        // Both signals are one request to end; what nothing handles is the command line's own to tell.
        on: (event: string, listener: (error: unknown) => void) => {
          if (event === 'SIGTERM') io.onStop(() => listener(undefined));
        },
        exit: (code) => {
          exitCode = code;
        },
      });
      if (exitCode !== 0) {
        const isUse = exitCode === 64;
        throw new CliError(
          isUse ? exitCodes.usage : exitCodes.unavailable,
          isUse ? 'usage' : 'witness.ended',
          'the witness did not run; what is wrong is said above',
        );
      }
    });
}

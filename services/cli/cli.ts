import { Command, CommanderError } from 'commander';
import { softwareVersion } from '#shared/runtime';
import { addAuditCommands } from './commands/audit.ts';
import { addCaseCommands } from './commands/case.ts';
import { addCredentialCommands } from './commands/credential.ts';
import { addDemoCommand } from './commands/demo.ts';
import { addDisclosureCommands } from './commands/disclosure.ts';
import { addHoldCommands } from './commands/hold.ts';
import { addKeyCommands } from './commands/key.ts';
import { addMigrateCommands } from './commands/migrate.ts';
import { addOrderCommands } from './commands/order.ts';
import { addPackageCommands } from './commands/package.ts';
import { addParseCommand } from './commands/parse.ts';
import { addReconcileCommand } from './commands/reconcile.ts';
import { addRejectedCommands } from './commands/rejected.ts';
import { addRetentionCommands } from './commands/retention.ts';
import { addServiceCommands } from './commands/service.ts';
import { addStartCommand } from './commands/start.ts';
import { addStatisticsCommand } from './commands/statistics.ts';
import { addStatusCommands } from './commands/status.ts';
import { addTopicsCommands } from './commands/topics.ts';
import { addWitnessCommand } from './commands/witness.ts';
import { type ExitCode, exitCodes } from './errors.ts';
import { type CliIo, isClosedPipe } from './io.ts';
import { printFailure } from './output.ts';

export interface Cli {
  /**
   * Runs one command.
   * @param args what follows the program's name
   * @returns the exit code; never rejects
   */
  run(args: readonly string[]): Promise<ExitCode>;
}

/** The command line over its input and output, so that tests and the demo run commands in process. */
export function createCli(io: CliIo): Cli {
  return {
    run: async (args) => {
      try {
        await createProgram(io).parseAsync(args, { from: 'user' });
        return exitCodes.done;
      } catch (error) {
        if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.done;
        if (isClosedPipe(error)) return exitCodes.done;
        // A group without its command: commander has printed the help already.
        if (error instanceof CommanderError && error.code === 'commander.help') return exitCodes.usage;
        return printFailure(io, args.includes('--json'), error).catch(() => exitCodes.internal);
      }
    },
  };
}

/** The program with all its commands; a new one for each run, because commander keeps what it parsed. */
export function createProgram(io: CliIo): Command {
  const program = new Command('griffie')
    .description('E-mail traffic data: logged, kept six months, released only on a recorded judicial order.')
    .version(softwareVersion)
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      outputError: () => {},
    });
  addStartCommand(program, io);
  addDemoCommand(program, io);
  addParseCommand(program, io);
  addStatusCommands(program, io);
  addMigrateCommands(program, io);
  addTopicsCommands(program, io);
  addRejectedCommands(program, io);
  addKeyCommands(program, io);
  addServiceCommands(program, io);
  addCredentialCommands(program, io);
  addOrderCommands(program, io);
  addCaseCommands(program, io);
  addHoldCommands(program, io);
  addDisclosureCommands(program, io);
  addPackageCommands(program, io);
  addAuditCommands(program, io);
  addRetentionCommands(program, io);
  addReconcileCommand(program, io);
  addStatisticsCommand(program, io);
  addWitnessCommand(program, io);
  return program;
}

import { type Command, Option } from 'commander';
import { keepHeapSmall } from '#shared/runtime';
import { unusable } from '../errors.ts';
import { type CliIo, write } from '../io.ts';
import { collect, example, jsonOption } from '../options.ts';

interface StartCommandOptions {
  readonly config?: string;
  readonly data?: string;
  readonly source: readonly string[];
  readonly timeZone?: string;
  readonly from?: 'beginning' | 'end';
  readonly listen?: string;
  readonly publicUrl?: string;
  readonly operator?: string;
  readonly json?: boolean;
}

/** Where Griffie keeps everything unless it is told otherwise. */
export const defaultDataFolder = './griffie-data';

/** `griffie start`: the engine is loaded here and not before, so that people's commands stay quick. */
export function addStartCommand(program: Command, io: CliIo): void {
  program
    .command('start')
    .description('collect, store and disclose, in one process over one folder')
    .option('--config <file>', 'configuration as JSON; options given here win over it')
    .option('--data <folder>', `where everything is kept (default: ${defaultDataFolder})`)
    .option('--source <path>', 'log file to follow; may be repeated', collect, [])
    .option('--time-zone <zone>', 'zone of log times that name none (default: UTC)')
    .addOption(new Option('--from <where>', 'where to begin in a new source').choices(['beginning', 'end']))
    .option('--listen <host:port>', 'address of the API (default: 127.0.0.1:8425)')
    .option('--public-url <url>', 'URL under which officers reach the API')
    .option('--operator <name>', 'your name, as it stands on written disclosures')
    .addOption(jsonOption())
    .addHelpText('after', example('start --source /var/log/mail.log --time-zone Europe/Amsterdam'))
    .action(async (options: StartCommandOptions) => {
      const { data = options.config === undefined ? defaultDataFolder : undefined, ...rest } = options;
      keepHeapSmall();
      const { runStandalone } = await import('#services/standalone');
      try {
        await runStandalone(
          { ...rest, ...(data === undefined ? {} : { data }) },
          {
            say: (line) => void write(io.stdout, `${line}\n`).catch(() => {}),
            log: (line) => void write(io.stderr, line).catch(() => {}),
            stopRequested: new Promise((resolve) => io.onStop(() => resolve())),
          },
        );
      } catch (error) {
        throw listenError(error);
      }
    });
}

/** An address that cannot be listened on, as an error for the user; anything else as it is. */
function listenError(error: unknown): unknown {
  if (!(error instanceof Error && 'syscall' in error && error.syscall === 'listen')) return error;
  const code = 'code' in error ? String(error.code) : '';
  return unusable(
    'config.listen',
    `the address of the API cannot be listened on (${code}); free it, or name another with --listen`,
  );
}

import type { Command } from 'commander';
import type { CliIo } from '../io.ts';
import { example } from '../options.ts';

interface DemoCommandOptions {
  readonly out?: string;
}

/** `griffie demo`: the whole way on a bundled real log; loaded here and not before. */
export function addDemoCommand(program: Command, io: CliIo): void {
  program
    .command('demo')
    .description('show the whole way on a bundled mail log: collect, order, approve, disclose, verify')
    .option('--out <folder>', 'new folder to leave the results in')
    .addHelpText('after', example('demo --out ./griffie-demo'))
    .action(async (options: DemoCommandOptions) => {
      const { runDemo } = await import('../demo/run.ts');
      await runDemo(options, io);
    });
}

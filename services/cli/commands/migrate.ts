import type { Command } from 'commander';
import type { MigrationReview } from '#shared/store';
import { CliError, exitCodes, refused } from '../errors.ts';
import type { CliIo } from '../io.ts';
import { collect, example, jsonOption } from '../options.ts';
import { printable, printResult } from '../output.ts';
import { type OpenMigrations, withMigrations } from '../store/migrations.ts';
import { readStoreSettings, type StoreOptions, withStoreOptions } from '../store/settings.ts';

interface MigrateOptions extends StoreOptions {
  readonly allow: readonly string[];
  readonly json?: boolean;
}

/** `griffie migrate`: the store's tables as this version needs them, with the retention as configured. */
export function addMigrateCommands(program: Command, io: CliIo): void {
  const group = program
    .command('migrate')
    .description('the tables of the store: show what this version would change, and change it');

  const describe = (name: 'plan' | 'apply', what: string): Command =>
    withStoreOptions(group.command(name).description(what))
      .option('--data <folder>', 'data folder of an embedded Griffie that is stopped')
      .option('--disk-keys <folder>', 'its disk keys, where they are not beside the data folder')
      .option('--allow <name>', 'accept a dangerous change by its name; may be repeated', collect, [])
      .addOption(jsonOption())
      .addHelpText(
        'after',
        example(
          `migrate ${name} --url https://clickhouse.example.nl:8443 --user griffie_owner --password-file owner.password`,
          `migrate ${name} --data /var/lib/griffie`,
        ),
      );

  describe('plan', 'what would be run; exit code 4 where there is something, 1 where it is dangerous').action(
    async (options: MigrateOptions) => {
      const settings = await readStoreSettings(io, options);
      await withMigrations(settings, { create: false, now: io.now() }, async (open) => {
        const review = await reviewOf(open);
        const refusedOnes = notAllowed(review, options.allow);
        await print(io, options, review, refusedOnes, 'to apply');
        throwRefused(refusedOnes);
        if (review.statements.length > 0) {
          throw new CliError(
            exitCodes.differs,
            'migrate.pending',
            'the store is not as this version needs it; griffie migrate apply makes it so',
          );
        }
      });
    },
  );

  describe('apply', 'make it so; a second time finds nothing to do').action(
    async (options: MigrateOptions) => {
      const settings = await readStoreSettings(io, options);
      await withMigrations(settings, { create: true, now: io.now() }, async (open) => {
        const review = await reviewOf(open);
        const refusedOnes = notAllowed(review, options.allow);
        if (refusedOnes.length > 0) await print(io, options, review, refusedOnes, 'not applied');
        throwRefused(refusedOnes);
        if (open.kind === 'there') await open.migrations.apply({ allow: options.allow });
        await print(io, options, review, refusedOnes, 'applied');
      });
    },
  );
}

async function reviewOf(open: OpenMigrations): Promise<MigrationReview> {
  if (open.kind === 'there') return open.migrations.review();
  return { pending: open.pending, retentionChanges: [], statements: [open.statement], dangers: [] };
}

const notAllowed = ({ dangers }: MigrationReview, allow: readonly string[]): MigrationReview['dangers'] =>
  dangers.filter(({ name }) => !allow.includes(name));

async function print(
  io: CliIo,
  { json }: MigrateOptions,
  review: MigrationReview,
  refusedOnes: MigrationReview['dangers'],
  done: string,
): Promise<void> {
  const { pending, retentionChanges, statements, dangers } = review;
  const shown = dangers.map(({ name, sentence }) => ({ name, sentence }));
  const nothing = statements.length === 0 && dangers.length === 0;
  await printResult(io, json, { pending, retentionChanges, statements, dangers: shown }, [
    ...pending.map((name) => `+ ${name}`),
    ...retentionChanges.map(
      ({ table, months }) => `~ ${table}: keeps ${months === 0 ? 'without end' : `P${months}M`}`,
    ),
    ...statements.flatMap((statement) => [
      '',
      ...statement.split('\n').map((line) => `    ${printable(line)}`),
    ]),
    ...(statements.length > 0 ? [''] : []),
    ...shown.map(({ name, sentence }) => {
      const isRefused = refusedOnes.some((danger) => danger.name === name);
      return `${isRefused ? '!' : ' '} ${name}: ${printable(sentence)}`;
    }),
    nothing ? 'Nothing to do.' : `${statements.length} statements ${done}.`,
  ]);
}

function throwRefused(refusedOnes: MigrationReview['dangers']): void {
  if (refusedOnes.length === 0) return;
  const flags = refusedOnes.map(({ name }) => `--allow ${name}`).join(' ');
  throw refused(
    'migrate.dangerous',
    `the plan is dangerous, and nothing was changed. If it is meant, add ${flags}`,
    refusedOnes.map(({ name, sentence }) => ({ path: name, sentence })),
  );
}

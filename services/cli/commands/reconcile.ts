import { type Command, InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { differenceOf, matches, sourceFigures } from '#shared/control';
import { entriesAt } from '../audit/exported.ts';
import { refused } from '../errors.ts';
import type { CliIo } from '../io.ts';
import { example, jsonOption } from '../options.ts';
import { printResult, table } from '../output.ts';
import {
  type ReconciliationFilter,
  type ReconciliationReport,
  reconciledKinds,
  reconcileEntries,
  sentenceOf,
} from '../reconcile/report.ts';
import { serverDays } from '../reconcile/server.ts';
import { askStatus } from '../status-socket.ts';
import { readStoreSettings, type StoreOptions, withStoreOptions } from '../store/settings.ts';
import { defaultDataFolder } from './start.ts';

interface ReconcileOptions extends ReconciliationFilter, StoreOptions {
  readonly as?: string;
  readonly data: string;
  readonly json?: boolean;
}

const liveDays = z
  .array(z.object({ day: z.iso.date(), open: z.boolean(), sources: z.array(sourceFigures).readonly() }))
  .readonly();
type LiveDays = z.infer<typeof liveDays>;

/** `griffie reconcile`: what was read, what was made of it, what is there, by source and day. */
export function addReconcileCommand(program: Command, io: CliIo): void {
  const command = program
    .command('reconcile')
    .argument(
      '[url|folder|file]',
      'URL of the service, a copy of its ledger folder, or an export as NDJSON; where absent the Griffie that runs here, or the ClickHouse server that is named',
    )
    .description('the sums of each source and day: lines, events, stored, refused, expired')
    .option('--as <file>', "an auditor's credential file; needed for a URL")
    .option('--data <folder>', 'data folder of the running Griffie', defaultDataFolder)
    .option('--from <day>', 'first day of collection, UTC', dayArgument)
    .option('--to <day>', 'last day of collection, UTC', dayArgument)
    .option('--source <id>', 'one source alone')
    .addOption(jsonOption());
  withStoreOptions(command)
    .addHelpText(
      'after',
      `${example('reconcile --from 2026-11-01', 'reconcile https://griffie.example.nl --as auditor.json', 'reconcile ledger.ndjson --json', 'reconcile --url https://clickhouse.example.nl:8443 --user griffie_retention --password-file retention.password')}\n\nExit code 1 where the sums do not match. The ledger itself is verified by griffie audit verify.`,
    )
    .action(async (place: string | undefined, options: ReconcileOptions) => {
      const report =
        place === undefined
          ? liveReport(await liveDaysOf(io, command, options), options)
          : await reconcileEntries(entriesAt(io, place, { as: options.as, kinds: reconciledKinds }), options);
      await printResult(io, options.json, report, reportLines(report));
      if (report.differences.length === 0) return;
      throw refused(
        'reconciliation.difference',
        'the sums do not match',
        report.differences.map((sentence) => ({ path: '', sentence })),
      );
    });
}

/** From the process that runs on a data folder, or from the server that the options or the environment name. */
async function liveDaysOf(
  io: CliIo,
  command: Command,
  { data, from, to, ...options }: ReconcileOptions,
): Promise<LiveDays> {
  const range = { from: from ?? '2000-01-01', to: to ?? new Date(io.now()).toISOString().slice(0, 10) };
  const isHere = command.getOptionValueSource('data') !== 'default';
  const isServer = typeof options.url === 'string' || (!isHere && io.env.CLICKHOUSE_URL !== undefined);
  if (!isServer) return askStatus(data, `/sums/${range.from}/${range.to}`, liveDays);
  const settings = await readStoreSettings(io, options);
  if (settings.kind !== 'server') throw new RangeError('no folder was named');
  return serverDays(settings, range, io.now());
}

/** As it is this moment; today is shown and not judged. */
function liveReport(found: LiveDays, { source }: ReconcileOptions): ReconciliationReport {
  const wanted = found.map(({ sources, ...day }) => ({
    ...day,
    sources: sources.filter(({ source: name }) => source === undefined || name === source),
  }));
  return {
    days: wanted.flatMap(({ day, sources }) =>
      sources.map((figures) => ({
        day,
        ...figures,
        expired: 0,
        disclosed: 0,
        difference: differenceOf(figures),
      })),
    ),
    from: wanted.at(0)?.day ?? null,
    to: wanted.at(-1)?.day ?? null,
    disclosures: null,
    differences: wanted
      .filter(({ open }) => !open)
      .flatMap(({ day, sources }) =>
        sources.filter((figures) => !matches(figures)).map((figures) => sentenceOf(day, figures)),
      ),
  };
}

function reportLines({ days, disclosures }: ReconciliationReport): string[] {
  const rows = days.map((day) => {
    const { lines, missing, surplus } = day.difference;
    const differs = [missing, -surplus, lines].filter((one) => one !== 0);
    return [
      day.day,
      day.source,
      ...[day.lines, day.repeated, day.ignored, day.notUnderstood, day.events].map(String),
      ...[day.stored - day.again, day.rejected, day.expired, day.disclosed].map(String),
      differs.length === 0 ? '' : differs.join(' '),
    ];
  });
  const titles = ['DAY', 'SOURCE', 'LINES', 'REPEATED', 'IGNORED', 'NOT UNDERSTOOD', 'EVENTS'];
  return [
    ...table([...titles, 'STORED', 'REFUSED', 'EXPIRED', 'DISCLOSED', 'DIFFERENCE'], rows),
    ...(rows.length === 0
      ? ['No day was looked at yet: the first sums come an hour after midnight, UTC.']
      : []),
    ...(disclosures === null
      ? []
      : ['', `Disclosed: ${disclosures.records} records in ${disclosures.packages} packages.`]),
  ];
}

function dayArgument(text: string): string {
  if (!z.iso.date().safeParse(text).success) {
    throw new InvalidArgumentError('Write a day, such as 2026-11-22.');
  }
  return text;
}

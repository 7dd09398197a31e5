import { type Command, InvalidArgumentError, Option } from 'commander';
import { entriesAt } from '../audit/exported.ts';
import { type CliIo, write } from '../io.ts';
import { example, jsonOption } from '../options.ts';
import { table } from '../output.ts';
import { countedKinds, countYear } from '../statistics/count.ts';
import { figureRows, figuresCsv, publicRows, smallestPublished } from '../statistics/rows.ts';

interface StatisticsOptions {
  readonly as?: string;
  readonly year: number;
  readonly csv?: boolean;
  readonly json?: boolean;
  readonly public?: boolean;
}

/** `griffie statistics`: a year's figures from the ledger alone. */
export function addStatisticsCommand(program: Command, io: CliIo): void {
  program
    .command('statistics')
    .argument('<url|folder|file>', 'URL of the service, a copy of its ledger folder, or an export as NDJSON')
    .description('a year of orders and disclosures, from the ledger alone')
    .requiredOption('--year <year>', 'calendar year in UTC', yearArgument)
    .option('--as <file>', "an auditor's credential file; needed for a URL")
    .option('--public', `withhold numbers below ${smallestPublished}, and those that would give them away`)
    .addOption(new Option('--csv', 'print CSV').conflicts('json'))
    .addOption(jsonOption())
    .addHelpText(
      'after',
      example(
        'statistics https://griffie.example.nl --year 2026 --as auditor.json',
        'statistics ./ledger-copy --year 2026 --public --csv',
        'statistics ledger.ndjson --year 2026 --json',
      ),
    )
    .action(async (place: string, options: StatisticsOptions) => {
      const { year } = options;
      const entries = entriesAt(io, place, { as: options.as, kinds: countedKinds });
      const statistics = await countYear(entries, year);
      const rows = options.public ? publicRows(figureRows(statistics)) : figureRows(statistics);
      if (options.csv) return write(io.stdout, figuresCsv(year, rows));
      if (options.json) {
        const { ledgerEntries, upTo, notInLedger } = statistics;
        const whole = options.public ? { year, figures: rows } : { ...statistics, figures: rows };
        return write(
          io.stdout,
          `${JSON.stringify({ ...whole, ledgerEntries, upTo, notInLedger }, null, 2)}\n`,
        );
      }
      const lines = table(
        ['ABOUT', 'GROUP', 'FIGURE', 'VALUE'],
        rows.map(({ about, group, figure, value }) => [
          about,
          group,
          figure,
          value === null ? '–' : String(value),
        ]),
      );
      const notes = statistics.notInLedger.map((what) => `Not in the ledger: ${what}.`);
      return write(io.stdout, `${[...lines, '', ...notes].join('\n')}\n`);
    });
}

function yearArgument(text: string): number {
  if (!/^20\d\d$/.test(text)) throw new InvalidArgumentError('Write a year, such as 2026.');
  return Number(text);
}

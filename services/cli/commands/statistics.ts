import { type Command, InvalidArgumentError, Option } from 'commander';
import { entriesAt } from '../audit/exported.ts';
import { writeNewFile } from '../files.ts';
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
  readonly withholdBelow: number;
  readonly lastEntry?: number;
  readonly pdf?: string;
}

/** `griffie statistics`: a year's figures from the ledger alone. */
export function addStatisticsCommand(program: Command, io: CliIo): void {
  program
    .command('statistics')
    .argument('<url|folder|file>', 'URL of the service, a copy of its ledger folder, or an export as NDJSON')
    .description('a year of orders and disclosures, from the ledger alone')
    .requiredOption('--year <year>', 'calendar year in UTC', yearArgument)
    .option('--as <file>', "an auditor's credential file; needed for a URL")
    .option(
      '--public',
      'for a transparency report: withhold small numbers, and those that would give them away',
    )
    .option('--withhold-below <n>', 'with --public: withhold 1 up to this', belowArgument, smallestPublished)
    .option(
      '--last-entry <index>',
      'count up to this entry, to make the figures of a report again',
      indexArgument,
    )
    .option('--pdf <file>', 'also write them as a PDF')
    .addOption(new Option('--csv', 'print CSV').conflicts('json'))
    .addOption(jsonOption())
    .addHelpText(
      'after',
      example(
        'statistics https://griffie.example.nl --year 2026 --as auditor.json',
        'statistics ./ledger-copy --year 2026 --public --csv',
        'statistics ledger.ndjson --year 2026 --json',
        'statistics ledger.ndjson --year 2026 --public --pdf transparency-2026.pdf',
      ),
    )
    .action(async (place: string, options: StatisticsOptions) => {
      const { year, lastEntry, withholdBelow: below } = options;
      const entries = entriesAt(io, place, { as: options.as, kinds: countedKinds });
      const statistics = await countYear(entries, year, lastEntry);
      const all = figureRows(statistics);
      const rows = options.public ? publicRows(all, below) : all;
      const withheldBelow = options.public ? below : null;
      if (options.pdf !== undefined) {
        // Setting type needs a library that no other command should wait for.
        const { renderStatistics } = await import('../statistics/document.ts');
        await writeNewFile(options.pdf, await renderStatistics(rows, { statistics, withheldBelow }));
      }
      if (options.csv) return write(io.stdout, figuresCsv(year, rows));
      if (options.json) {
        const { service, ledgerEntries, lastEntry: last, upTo, notInLedger } = statistics;
        const whole = options.public
          ? { year, withheldBelow, figures: rows }
          : { ...statistics, figures: rows };
        const about = { service, ledgerEntries, lastEntry: last, upTo, notInLedger };
        return write(io.stdout, `${JSON.stringify({ ...whole, ...about }, null, 2)}\n`);
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

function belowArgument(text: string): number {
  if (!/^([3-9]|[1-9][0-9]|100)$/.test(text)) throw new InvalidArgumentError('Write a number from 3 to 100.');
  return Number(text);
}

function indexArgument(text: string): number {
  if (!/^(0|[1-9][0-9]{0,14})$/.test(text)) throw new InvalidArgumentError('Write the index of an entry.');
  return Number(text);
}

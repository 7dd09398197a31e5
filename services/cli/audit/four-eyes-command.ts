import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CliIo } from '../io.ts';
import { example, jsonOption } from '../options.ts';
import { printResult, table } from '../output.ts';
import { entriesFrom, openSource } from './entry-source.ts';
import { countFourEyes, type FourEyes, fourEyesKinds } from './four-eyes.ts';

/** `griffie audit four-eyes`: who acted with whom, and how often. */
export function addFourEyes(audit: Command, io: CliIo): void {
  audit
    .command('four-eyes')
    .argument('<url|folder>', 'URL of the service, or a copy of its ledger folder')
    .description('who enrolled, recorded, approved and asked with whom, by month, and alarms on patterns')
    .option('--period <period>', 'one year or month in UTC (default: all)', periodArgument)
    .addOption(new Option('--as <file>', "an auditor's credential file; needed for a URL"))
    .addOption(jsonOption())
    .addHelpText(
      'after',
      example(
        'audit four-eyes https://griffie.example.nl --as auditor.json --period 2026',
        'audit four-eyes ./ledger-copy --period 2026-11 --json',
      ),
    )
    .action(async (where: string, options: { period?: string; as?: string; json?: boolean }) => {
      const source = await openSource(io, where, options.as);
      const found = await countFourEyes(entriesFrom(source, { kinds: [...fourEyesKinds] }), options.period);
      await printResult(io, options.json, found, linesOf(found));
    });
}

function linesOf({ pairs, credentials, alarms }: FourEyes): string[] {
  const part = (titles: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] =>
    rows.length === 0
      ? []
      : [
          ...table(
            titles,
            rows.map((row) => row.map(String)),
          ),
          '',
        ];
  const lines = [
    ...part(
      ['MONTH', 'MATTER', 'FIRST', 'SECOND', 'DONE', 'REFUSED'],
      pairs.map(({ month, matter, first, second, done, refused }) => [
        ...[month, matter, first, second],
        ...[done, refused],
      ]),
    ),
    ...part(
      ['MONTH', 'CREDENTIAL', 'PERSON', 'ROLE', 'DONE', 'REFUSED'],
      credentials.map(({ month, credentialId, personId, role, done, refused }) => [
        ...[month, credentialId, personId, role],
        ...[done, refused],
      ]),
    ),
    ...part(
      ['MONTH', 'ALARM', 'TIMES'],
      alarms.map(({ month, pattern, count }) => [month, pattern, count]),
    ),
  ];
  return lines.length === 0
    ? ['Nobody did anything in that time.']
    : [...lines, 'First: who enrolled, or recorded the order. Second: who confirmed, decided, or asked.'];
}

function periodArgument(text: string): string {
  if (!/^20\d\d(-(0[1-9]|1[0-2]))?$/.test(text)) {
    throw new InvalidArgumentError('Write a year or a month, such as 2026 or 2026-11.');
  }
  return text;
}

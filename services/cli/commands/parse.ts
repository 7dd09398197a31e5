import { type Command, InvalidArgumentError, Option } from 'commander';
import type { LineFormat, ParseSummary, SoftwareChoice } from '#services/collector';
import { normalizeHostName } from '#shared/traffic';
import { type CliIo, write } from '../io.ts';
import { example } from '../options.ts';
import { pairs, table } from '../output.ts';

interface ParseOptions {
  readonly timeZone?: string;
  readonly format: LineFormat;
  readonly host?: string;
  readonly json?: boolean;
}

const softwareChoices = ['postfix', 'dovecot', 'auto'] as const satisfies readonly SoftwareChoice[];
const formats = [
  'auto',
  'syslog',
  'dovecot',
  'dovecot-events',
  'journal-json',
] as const satisfies readonly LineFormat[];

/** Characters gathered before they are written: a write for each event would be the slowest part. */
const chunkCharacters = 65_536;

/** Positions shown of lines that were not understood; `--json` gives all that were kept. */
const shownPositions = 10;

/** `griffie parse`: for operators to try their own log, before they deploy anything. */
export function addParseCommand(program: Command, io: CliIo): void {
  program
    .command('parse')
    .argument('<software>', softwareChoices.join(', '), softwareArgument)
    .description('turn log lines on stdin into events on stdout; what was not understood, on stderr')
    .option('--time-zone <zone>', 'zone of times that name none (default: UTC)', zoneArgument)
    .addOption(new Option('--format <name>', 'format of the lines').choices(formats).default('auto'))
    .option('--host <name>', 'host of lines that name none', hostArgument)
    .option('--json', 'the summary as JSON')
    .addHelpText(
      'after',
      example('parse auto --time-zone Europe/Amsterdam < /var/log/mail.log > events.ndjson'),
    )
    .action(async (software: SoftwareChoice, { json, ...options }: ParseOptions) => {
      const { parseStream } = await import('#services/collector');
      const parsed = parseStream(software, io.stdin, { clock: { now: () => io.now() }, ...options });
      let chunk = '';
      for await (const event of parsed.events) {
        chunk += `${JSON.stringify(event)}\n`;
        if (chunk.length < chunkCharacters) continue;
        await write(io.stdout, chunk);
        chunk = '';
      }
      if (chunk !== '') await write(io.stdout, chunk);
      const summary = parsed.summary();
      const text = json ? JSON.stringify(summary, null, 2) : summaryLines(summary).join('\n');
      await write(io.stderr, `${text}\n`);
    });
}

function summaryLines(summary: ParseSummary): string[] {
  const { lines, events, ignored, open, notUnderstood, listed } = summary;
  const reasons = Object.entries(notUnderstood).sort(([, a], [, b]) => b - a);
  const total = reasons.reduce((sum, [, count]) => sum + count, 0);
  const counts = pairs({
    lines,
    events,
    'nothing about traffic': ignored,
    'not understood': total,
    'still open at the end': open,
  });
  if (total === 0) return counts;
  const byReason = table(
    ['NOT UNDERSTOOD', 'LINES'],
    reasons.map(([reason, count]) => [reason, String(count)]),
  );
  const last = listed.slice(0, shownPositions).map(({ reason, position }) => [reason, position]);
  return [...counts, '', ...byReason, '', ...table(['LAST OF THEM', 'POSITION'], last)];
}

function softwareArgument(text: string): SoftwareChoice {
  const choice = softwareChoices.find((name) => name === text);
  if (choice === undefined) throw new InvalidArgumentError(`Name one of ${softwareChoices.join(', ')}.`);
  return choice;
}

function zoneArgument(text: string): string {
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
  } catch {
    throw new InvalidArgumentError('Name an IANA time zone, such as Europe/Amsterdam.');
  }
  return text;
}

function hostArgument(text: string): string {
  const host = normalizeHostName(text);
  if (host === null) throw new InvalidArgumentError('Give a host name, such as mx1.example.nl.');
  return host;
}

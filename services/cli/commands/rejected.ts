import { type Command, InvalidArgumentError } from 'commander';
import { BusError, createKafkaBus, toKafkaError } from '#shared/bus';
import { createLogger, silentLogger } from '#shared/runtime';
import type { RejectedRecord } from '#shared/store';
import { unusable } from '../errors.ts';
import { type CliIo, write } from '../io.ts';
import { type KafkaOptions, readKafkaSettings, talkToKafka, withKafkaOptions } from '../kafka/settings.ts';
import { collect, example, jsonOption, timeArgument } from '../options.ts';
import { pairs, printable, printResult, table } from '../output.ts';

interface SelectionOptions {
  readonly since?: string;
  readonly reason: readonly string[];
  readonly coordinates: readonly string[];
  readonly json?: boolean;
}

interface ListOptions extends SelectionOptions {
  readonly limit: number;
  readonly showValues?: boolean;
}

interface ReplayOptions extends SelectionOptions {
  readonly all?: boolean;
  readonly dryRun?: boolean;
}

const mostListed = 10_000;

/** `griffie rejected`: records that were no events, for operators to find, and to try again once it is mended. */
export function addRejectedCommands(program: Command, io: CliIo): void {
  const group = program
    .command('rejected')
    .description('records of the Kafka traffic topic that could not be stored');

  const describe = (name: 'list' | 'replay', what: string): Command =>
    withKafkaOptions(group.command(name).description(what))
      .option('--since <time>', 'only what was rejected since then', timeArgument)
      .option('--reason <name>', 'only this reason; may be repeated', reasonArgument, [])
      .option('--coordinates <topic/partition/offset>', 'only this record; may be repeated', collect, [])
      .addOption(jsonOption());

  describe('list', 'counts by reason, and the last records')
    .option('--limit <number>', 'records to list', limitArgument, 20)
    .option('--show-values', 'also what was in the records: it may be personal data')
    .addHelpText('after', example('rejected list --since 2026-11-22T09:00:00Z --reason schema.version'))
    .action((options: ListOptions & KafkaOptions) => list(io, options));

  describe('replay', 'publish rejected records again, once what refused them is mended')
    .option('--all', 'all records, whatever their reason')
    .option('--dry-run', 'only count what would be published')
    .addHelpText(
      'after',
      example('rejected replay --reason time.collected_in_future --dry-run', 'rejected replay --all'),
    )
    .action((options: ReplayOptions & KafkaOptions) => replay(io, options));
}

async function list(io: CliIo, options: ListOptions & KafkaOptions): Promise<void> {
  const { kafka } = await readKafkaSettings(io, options);
  const { eachRejected, RejectedSummary, wholeValueOf } = await import('../kafka/rejected.ts');
  const summary = new RejectedSummary(options.limit);
  await talkToKafka(() =>
    eachRejected(kafka, selectionOf(options), io.now(), async (records) => summary.add(records)),
  );
  const shown = summary.last().map((record) => ({
    coordinates: record.coordinates,
    reason: record.reason,
    rejectedAt: record.rejectedAt,
    bytes: record.valueBytes,
    whole: wholeValueOf(record) !== null,
    ...(options.showValues ? { valueBase64: record.valueBase64 } : {}),
  }));
  const result = { total: summary.total(), counts: Object.fromEntries(summary.counts()), records: shown };
  await printResult(io, options.json, result, [
    ...table(
      ['REASON', 'RECORDS'],
      [...summary.counts(), ['in all', summary.total()] as const].map(([reason, n]) => [reason, String(n)]),
    ),
    ...(shown.length === 0 ? [] : ['', ...recordLines(summary.last(), options.showValues === true)]),
  ]);
}

function recordLines(records: readonly RejectedRecord[], showValues: boolean): string[] {
  const titles = ['COORDINATES', 'REASON', 'REJECTED AT', 'BYTES'];
  const [head = '', ...rows] = table(
    titles,
    records.map(({ coordinates, reason, rejectedAt, valueBytes }) => [
      coordinates,
      reason,
      rejectedAt,
      String(valueBytes),
    ]),
  );
  if (!showValues) return [head, ...rows];
  return [head, ...rows.flatMap((row, i) => [row, `  ${valueText(records[i])}`])];
}

const valueText = (record: RejectedRecord | undefined): string =>
  printable(Buffer.from(record?.valueBase64 ?? '', 'base64').toString('utf8'));

async function replay(io: CliIo, options: ReplayOptions & KafkaOptions): Promise<void> {
  const { reason, coordinates, all, dryRun } = options;
  if (!all && reason.length + coordinates.length === 0) {
    throw unusable('rejected.which', 'say which records: with --reason, --coordinates or --all');
  }
  const { kafka } = await readKafkaSettings(io, options);
  const { eachRejected, Replay } = await import('../kafka/rejected.ts');
  const bus = dryRun ? null : await talkToKafka(() => createKafkaBus(kafka, { logger: silentLogger }));
  const run = new Replay(bus);
  try {
    await talkToKafka(() =>
      eachRejected(kafka, selectionOf(options), io.now(), (records) =>
        run.add(records).catch((error: unknown) => {
          throw error instanceof BusError ? toKafkaError(error.cause) : error;
        }),
      ),
    );
  } finally {
    await bus?.close();
    if (!dryRun) await logReplay(io, run.total(), all ? 'all' : [...reason, ...coordinates].join(' '));
  }
  const counts = run.counts();
  const { published, ...left } = counts;
  await printResult(io, options.json, { dryRun: dryRun === true, ...counts }, [
    `${dryRun ? 'Would be published' : 'Published'} again: ${run.total()}`,
    ...pairs(published).map((line) => `  ${line}`),
    ...pairs({
      'Left, of the same bytes': left.repeated,
      'Left, not kept whole': left.notWhole,
      'Left, past their retention': left.expired,
      'Left, not written by Griffie': left.foreign,
    }),
  ]);
}

/**
 * The one trace of the operator's act, also where it was cut short. It is not in the ledger, which records
 * what is released, held and destroyed: a replay decides none of these. The events that come of it are those
 * that the sources gave, under their own ids and times of collection.
 */
async function logReplay(io: CliIo, count: number, which: string): Promise<void> {
  let line = '';
  const logger = createLogger('rejected-replay', (text) => {
    line += text;
  });
  logger.info(
    { code: 'rejected.replayed', count, reason: which.slice(0, 200) },
    'records were published again',
  );
  await write(io.stderr, line);
}

function selectionOf({ reason, coordinates, since }: SelectionOptions) {
  return {
    reasons: reason,
    coordinates,
    ...(since === undefined ? {} : { since: Date.parse(since) }),
  };
}

function reasonArgument(text: string, previous: readonly string[]): readonly string[] {
  if (!/^[a-z_]{1,32}\.[a-z_]{1,32}$/.test(text)) {
    throw new InvalidArgumentError(
      'Name a reason as griffie rejected list shows it, such as schema.version.',
    );
  }
  return [...previous, text];
}

function limitArgument(text: string): number {
  const limit = /^\d{1,5}$/.test(text) ? Number(text) : -1;
  if (limit < 0 || limit > mostListed)
    throw new InvalidArgumentError(`Give a number from 0 to ${mostListed}.`);
  return limit;
}

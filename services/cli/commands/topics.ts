import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import {
  desiredTopics,
  furtherTopics,
  openTopicLog,
  reconcileTopics,
  type TopicPlan,
  topicNameOf,
} from '#shared/bus';
import { LedgerError } from '#shared/ledger';
import { silentLogger } from '#shared/runtime';
import { CliError, exitCodes, refused } from '../errors.ts';
import type { CliIo } from '../io.ts';
import {
  type KafkaOptions,
  readKafkaSettings,
  talkToKafka,
  withKafkaOptions,
  withSizingOptions,
} from '../kafka/settings.ts';
import { planLines, warningsOf } from '../kafka/topic-text.ts';
import { example, jsonOption } from '../options.ts';
import { printResult } from '../output.ts';

/** `griffie topics`: the topics of a Kafka deployment, as they should be. */
export function addTopicsCommands(program: Command, io: CliIo): void {
  const group = program.command('topics').description('the Kafka topics: compare, make, mend');

  const describe = (name: 'plan' | 'apply', what: string): Command =>
    withSizingOptions(withKafkaOptions(group.command(name).description(what)))
      .addOption(jsonOption())
      .addHelpText(
        'after',
        example(`topics ${name} --brokers kafka1.example.nl:9093,kafka2.example.nl:9093 --partitions 24`),
      );

  describe('plan', 'what differs from what should be; exit code 4 where something does').action(
    async (options: KafkaOptions) => {
      const plan = await reconcile(io, options, false);
      const { changes, conflicts } = plan;
      await print(io, options, plan, [
        changes.length === 0 ? 'No topic needs a change.' : `${counted(changes.length)} to apply.`,
      ]);
      throwConflicts(plan);
      if (changes.length + conflicts.length > 0) {
        throw new CliError(
          exitCodes.differs,
          'topics.differ',
          'the topics are not as they should be; griffie topics apply makes them so',
        );
      }
    },
  );

  describe('apply', 'make them as they should be; a second time finds nothing to do').action(
    async (options: KafkaOptions) => {
      const plan = await reconcile(io, options, true);
      const { length } = plan.changes;
      await print(io, options, plan, [
        length === 0 ? 'No topic needed a change.' : `${counted(length)} applied.`,
      ]);
      throwConflicts(plan);
    },
  );

  withKafkaOptions(
    group
      .command('seed-ledger')
      .description('put a ledger that was kept in a folder into its topic, or what the topic lost of it')
      .requiredOption('--data <folder>', 'data folder of the disclosure service, which is stopped')
      .requiredOption('--keys <folder>', 'its key folder'),
  )
    .addOption(jsonOption())
    .addHelpText(
      'after',
      example('topics seed-ledger --data /var/lib/griffie/disclosure --keys /etc/griffie/keys'),
    )
    .action((options: KafkaOptions & { data: string; keys: string }) => seed(io, options));
}

async function seed(io: CliIo, options: KafkaOptions & { data: string; keys: string }): Promise<void> {
  // Loaded where it is needed: other commands do without the service.
  const { KeyFileError, RotationError, seedInstallation } = await import('#services/disclosure');
  const { kafka } = await readKafkaSettings(io, options);
  const topicName = topicNameOf(kafka, furtherTopics.ledger);
  const seeded = await talkToKafka(async () => {
    const order = await openTopicLog(kafka, topicName, { logger: silentLogger });
    try {
      const ledgerFolder = join(resolve(options.data), 'ledger');
      return await seedInstallation({ ledgerFolder, keyFolder: resolve(options.keys), order });
    } catch (error) {
      const isTold =
        error instanceof LedgerError || error instanceof KeyFileError || error instanceof RotationError;
      throw isTold ? refused(error.code, error.message) : error;
    } finally {
      await order.close();
    }
  });
  const { entries, keysMade } = seeded;
  await printResult(io, options.json === true, seeded, [
    entries === 0 ? 'The topic has the whole ledger.' : `${entries} entries put into ${topicName}.`,
    ...keysMade.map((name) => `Made ${join(options.keys, name)}: every replica needs it.`),
  ]);
}

async function reconcile(io: CliIo, options: KafkaOptions, apply: boolean): Promise<TopicPlan> {
  const { kafka, sizing } = await readKafkaSettings(io, options);
  return talkToKafka(() =>
    reconcileTopics(kafka, desiredTopics(kafka, sizing), { apply, logger: silentLogger }),
  );
}

async function print(
  io: CliIo,
  { json }: KafkaOptions,
  plan: TopicPlan,
  closing: readonly string[],
): Promise<void> {
  await printResult(io, json === true, { ...plan, warnings: warningsOf(plan) }, [
    ...planLines(plan),
    ...closing,
  ]);
}

function throwConflicts({ conflicts }: TopicPlan): void {
  if (conflicts.length === 0) return;
  throw refused(
    'topics.conflict',
    `${conflicts.length} of the differences cannot be applied; each line with ! says what to do`,
  );
}

const counted = (changes: number): string => (changes === 1 ? '1 change' : `${changes} changes`);

import type { Command } from 'commander';
import { desiredTopics, reconcileTopics, type TopicPlan } from '#shared/bus';
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

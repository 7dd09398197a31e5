import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import type { Logger } from '#shared/runtime';
import { openKafkaClient } from './client.ts';
import type { KafkaConfig } from './config.ts';
import { KafkaError } from './errors.ts';
import { toKafkaError } from './faults.ts';
import { kafkaLimits } from './limits.ts';
import { type ActualTopic, planTopics, type TopicChange, type TopicPlan } from './topic-plan.ts';
import type { TopicSettings } from './topics.ts';

/** Kafka's number for settings of a topic, in requests about settings. */
const topicResource = 2;
/** Kafka's number for a setting that was made on the topic itself, not inherited. */
const setOnTopic = 1;

const settingOf = ([name, value]: readonly [string, string]) => ({ name, value });

/**
 * Compares the cluster's topics with those that should be, and makes them so where `apply` is given.
 * Applied twice, the second time finds nothing to do.
 *
 * @returns what differed before; conflicts are never touched
 * @throws {KafkaError} where the cluster cannot be reached, or refuses
 */
export async function reconcileTopics(
  config: KafkaConfig,
  desired: readonly TopicSettings[],
  { apply, logger }: { readonly apply: boolean; readonly logger: Logger },
): Promise<TopicPlan> {
  const admin = (await openKafkaClient(config, logger)).admin();
  try {
    await admin.connect();
    const actual = await readTopics(admin, desired);
    const plan = planTopics(desired, actual);
    if (apply && plan.changes.length > 0) {
      await applyChanges(admin, plan.changes, actual);
      await untilApplied(admin, desired);
    }
    return plan;
  } catch (error) {
    throw toKafkaError(error);
  } finally {
    await admin.disconnect();
  }
}

async function readTopics(
  admin: Admin,
  desired: readonly TopicSettings[],
): Promise<Map<string, ActualTopic>> {
  const inCluster = new Set(await admin.listTopics());
  const names = desired.map(({ name }) => name).filter((name) => inCluster.has(name));
  const found = new Map<string, ActualTopic>();
  if (names.length === 0) return found;
  const { topics } = await admin.fetchTopicMetadata({ topics: names });
  const { resources } = await admin.describeConfigs({
    resources: names.map((name) => ({ type: topicResource, name })),
    includeSynonyms: false,
  });
  for (const { name, partitions } of topics) {
    const entries = resources.find(({ resourceName }) => resourceName === name)?.configEntries ?? [];
    const ours = entries.filter(({ configSource }) => Number(configSource) === setOnTopic);
    found.set(name, {
      name,
      partitions: partitions.length,
      replicationFactor: Math.min(...partitions.map(({ replicas }) => replicas.length)),
      settings: Object.fromEntries(ours.map(({ configName, configValue }) => [configName, configValue])),
    });
  }
  return found;
}

async function applyChanges(
  admin: Admin,
  changes: readonly TopicChange[],
  actual: ReadonlyMap<string, ActualTopic>,
): Promise<void> {
  const created = changes.filter((change) => change.kind === 'create');
  if (created.length > 0) {
    await admin.createTopics({
      // kafkajs' own wait fails on brokers that did not hear of the topic yet.
      waitForLeaders: false,
      topics: created.map(({ to }) => ({
        topic: to.name,
        numPartitions: to.partitions,
        replicationFactor: to.replicationFactor,
        configEntries: Object.entries(to.settings).map(settingOf),
      })),
    });
  }
  const grown = changes.filter((change) => change.kind === 'partitions');
  if (grown.length > 0) {
    await admin.createPartitions({
      topicPartitions: grown.map(({ topic, to }) => ({ topic, count: to })),
    });
  }
  const set = changes.filter((change) => change.kind === 'setting');
  if (set.length > 0) {
    await admin.alterConfigs({
      validateOnly: false,
      resources: [...new Set(set.map(({ topic }) => topic))].map((name) => ({
        type: topicResource,
        name,
        // The request replaces all settings of the topic: those that stay are sent along.
        configEntries: Object.entries({
          ...actual.get(name)?.settings,
          ...Object.fromEntries(
            set.filter(({ topic }) => topic === name).map((change) => [change.name, change.to]),
          ),
        }).map(settingOf),
      })),
    });
  }
}

/**
 * Brokers hear of a change one after the other; until they did, new topics can be neither read nor written.
 * Reading a topic fails, and is repeated by kafkajs, while one of its partitions has no leader.
 */
async function untilApplied(admin: Admin, desired: readonly TopicSettings[]): Promise<void> {
  const until = performance.now() + kafkaLimits.applyTopicsMs;
  for (;;) {
    const { changes } = planTopics(desired, await readTopics(admin, desired));
    if (changes.length === 0) return;
    if (performance.now() > until) {
      throw new KafkaError('kafka.topics_not_applied', 'Changes to topics do not show; look at the brokers');
    }
    await sleep(50);
  }
}

import { join } from 'node:path';
import { assertTopics, createKafkaBus, type KafkaConfig, topics } from '#shared/bus';
import {
  Condition,
  keepAsking,
  lockFolder,
  makePrivateFolder,
  type ServiceContext,
  type ServiceDefinition,
  untilReady,
} from '#shared/runtime';
import { type Collector, createCollector } from './collector.ts';
import { addCollectorMetrics, observePublisher } from './metrics.ts';
import { tellOver } from './pipeline/delivery.ts';
import { type CollectorSettings, collectorVariables, readCollectorSettings } from './service-config.ts';

/** How often the brokers are asked whether they are there, for the health page. */
const askEveryMs = 10_000;

/** Two collectors on one folder would tear each other's checkpoints. */
export class StateFolderInUseError extends Error {
  override readonly name = 'StateFolderInUseError';
  readonly code = 'collector.state_in_use';
  constructor() {
    super('Another running collector uses COLLECTOR_STATE_FOLDER: give each collector a folder of its own');
  }
}

/** The collector as a process of its own: from mail servers' logs into Kafka. */
export const collectorService: ServiceDefinition<CollectorSettings> = {
  name: 'collector',
  summary: 'follows mail servers’ logs, and publishes what they say about traffic to Kafka.',
  variables: collectorVariables,
  read: readCollectorSettings,

  async start({ kafka, stateFolder, sources }, { clock, logger, health, metrics, stopping, stdin }) {
    const [brokersThere, publishing] = [new Condition(), new Condition()];
    health.add('bus', brokersThere.check);
    // Beside the sources' folders, under a name that no source can have.
    const lockPath = join(stateFolder, '.lock');
    await makePrivateFolder(stateFolder);
    await makePrivateFolder(lockPath);
    const lock = await lockFolder(lockPath);
    if (lock === null) throw new StateFolderInUseError();
    try {
      const bus = await createKafkaBus(kafka, { logger });
      const publisher = observePublisher(bus, metrics, publishing);
      const collector = createCollector({
        sources,
        publisher,
        tell: tellOver(publisher),
        kafka,
        stateDirectory: stateFolder,
        clock,
        logger,
        stdin,
      });
      addCollectorMetrics(metrics, collector);
      // The brokers may answer, and not take what they are given.
      publishing.pass();
      health.add('publishing', publishing.check);
      health.add('sources', () => sourcesCheck(collector));
      collector.start();
      return {
        failed: Promise.race([bus.failed, watchTopics(kafka, brokersThere, { logger, stopping })]),
        async stop() {
          await collector.stop();
          await bus.close();
          await lock.release();
        },
      };
    } catch (error) {
      await lock.release();
      throw error;
    }
  },
};

/**
 * Brokers that are away hold up no source: nothing is read past what they acknowledged, and webhooks are
 * spooled meanwhile.
 * @returns why the topics will not be there by waiting, if ever; sources are tried again for as long as that
 */
async function watchTopics(
  kafka: KafkaConfig,
  condition: Condition,
  { logger, stopping }: Pick<ServiceContext, 'logger' | 'stopping'>,
): Promise<unknown> {
  const ask = () => assertTopics(kafka, [topics.traffic], { logger });
  try {
    const finalCodes = ['kafka.topic_missing'];
    await untilReady(ask, { peer: 'bus', condition, stopping, logger, finalCodes });
  } catch (error) {
    return error;
  }
  await keepAsking(condition, ask, { everyMs: askEveryMs, signal: stopping });
  return stopping.reason;
}

function sourcesCheck(collector: Collector) {
  const failed = collector.status().find(({ state }) => state === 'failed');
  return failed === undefined
    ? { ok: true as const }
    : { ok: false as const, code: failed.lastFault?.code ?? 'COLLECTOR_FAULT' };
}

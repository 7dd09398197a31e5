import { Condition, type Health, keepAsking, type ServiceDefinition, untilReady } from '#shared/runtime';
import { askStore, assertMigrated, createTrafficStore, openConfiguredServer } from '#shared/store';
import { type IngesterSettings, ingesterVariables, readIngesterSettings } from './config.ts';
import type { Ingester } from './ingester.ts';
import { addIngesterMetrics, observeInserts } from './metrics.ts';
import { assertIngestedTopics, startIngesting } from './over-kafka.ts';

/** How often the peers are asked whether they are there, for the health page. */
const askEveryMs = 10_000;

/** The ingester as a process of its own: from Kafka into a ClickHouse server. */
export const ingesterService: ServiceDefinition<IngesterSettings> = {
  name: 'ingester',
  summary: 'takes traffic events from Kafka and stores them in ClickHouse, each once.',
  variables: ingesterVariables,
  read: readIngesterSettings,

  async start(settings, { clock, logger, health, metrics, stopping }) {
    const { kafka, clickhouse, retention, ceiling } = settings;
    const [storeThere, brokersThere] = [new Condition(), new Condition()];
    health.add('store', storeThere.check);
    health.add('bus', brokersThere.check);
    const database = await openConfiguredServer(clickhouse);
    const store = observeInserts(createTrafficStore(database, { retention }), metrics, clock);
    try {
      await untilReady(() => assertMigrated(database, retention), {
        peer: 'store',
        condition: storeThere,
        stopping,
        logger,
        finalCodes: ['store.not_migrated', 'store.migrations_differ'],
      });
      const deps = { kafka, store, clock, logger, ceiling, condition: brokersThere, stopping };
      const { ingester, failed, stop } = await startIngesting(deps);
      addIngesterMetrics(metrics, ingester);
      addInsertsCheck(health, ingester);
      const asking = { everyMs: askEveryMs, signal: stopping };
      void keepAsking(storeThere, () => askStore(database), asking);
      void keepAsking(brokersThere, () => assertIngestedTopics(kafka, logger), asking);
      return {
        failed,
        async stop() {
          await stop();
          await store.close();
        },
      };
    } catch (error) {
      await store.close();
      throw error;
    }
  },
};

/** Not well while an insert is repeated: the store answers, and does not take what it is given. */
function addInsertsCheck(health: Health, ingester: Ingester): void {
  health.add('inserts', () => {
    const { waiting } = ingester.stats();
    return waiting === null ? { ok: true } : { ok: false, code: waiting.reason };
  });
}

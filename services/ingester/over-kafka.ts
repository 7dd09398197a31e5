import { assertTopics, createKafkaBus, type KafkaBus, type KafkaConfig, topics } from '#shared/bus';
import { type Clock, type Condition, type Logger, untilReady } from '#shared/runtime';
import type { TrafficStore } from '#shared/store';
import type { RejectCeiling } from './ceiling.ts';
import { createIngester, type Ingester } from './ingester.ts';
import { clusterBatchBounds } from './limits.ts';

const ingestedTopics = [topics.traffic, topics.rejected];

export interface Ingesting {
  readonly ingester: Ingester;
  /** Resolves, if ever, with why it can go on no longer. */
  readonly failed: Promise<Error>;
  /** Finishes or releases the batches at work, and leaves the groups. */
  stop(): Promise<void>;
}

export interface IngestingDeps {
  readonly kafka: KafkaConfig;
  readonly store: TrafficStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly ceiling: RejectCeiling;
  /** Told whether the brokers are there. */
  readonly condition: Condition;
  readonly stopping: AbortSignal;
}

/**
 * Joins the consumer groups and ingests, as soon as the brokers are there.
 * @throws KafkaError `kafka.topic_missing`; the signal's reason where it was raised first
 */
export function startIngesting(deps: IngestingDeps): Promise<Ingesting> {
  const { kafka, store, clock, logger, ceiling, condition, stopping } = deps;
  return untilReady(
    async () => {
      await assertIngestedTopics(kafka, logger);
      const bus = await createKafkaBus(kafka, { logger });
      try {
        return await ingestFrom(bus, { store, clock, logger, ceiling });
      } catch (error) {
        // One topic may have its consumer already: the next try begins with a bus of its own.
        await bus.close().catch(() => {});
        throw error;
      }
    },
    { peer: 'bus', condition, stopping, logger, finalCodes: ['kafka.topic_missing'] },
  );
}

async function ingestFrom(
  bus: KafkaBus,
  deps: Pick<IngestingDeps, 'store' | 'clock' | 'logger' | 'ceiling'>,
): Promise<Ingesting> {
  const ingester = createIngester({ bus, bounds: clusterBatchBounds, ...deps });
  await ingester.start();
  return { ingester, failed: Promise.race([bus.failed, ingester.failed]), stop: () => bus.close() };
}

/** @throws KafkaError */
export function assertIngestedTopics(kafka: KafkaConfig, logger: Logger): Promise<void> {
  return assertTopics(kafka, ingestedTopics, { logger });
}

import { createIngester, defaultRejectCeiling, type Ingesting, startIngesting } from '#services/ingester';
import { type BusPublisher, createEmbeddedBus, createKafkaBus, type KafkaConfig } from '#shared/bus';
import { type Clock, Condition, type Logger } from '#shared/runtime';
import type { TrafficStore } from '#shared/store';

/** How events come from the collector into the store. */
export interface EventWay {
  readonly publisher: BusPublisher;
  /** What the ingester counted; empty while brokers are waited for. */
  stats(): Readonly<Record<string, unknown>>;
  /** Resolves, if ever, with why it can go on no longer. */
  readonly failed: Promise<Error>;
  close(): Promise<void>;
}

interface Deps {
  readonly store: TrafficStore;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Through this process's memory, or through a cluster where one is configured. */
export function openWay(kafka: KafkaConfig | undefined, deps: Deps): Promise<EventWay> {
  return kafka === undefined ? embeddedWay(deps) : kafkaWay(kafka, deps);
}

async function embeddedWay(deps: Deps): Promise<EventWay> {
  const bus = createEmbeddedBus();
  const ingester = createIngester({ bus, ...deps });
  await ingester.start();
  return {
    publisher: bus,
    stats: () => ({ ...ingester.stats() }),
    failed: ingester.failed,
    close: () => bus.close(),
  };
}

/** Brokers that are away hold up neither the start nor the API; publications are repeated until they are back. */
async function kafkaWay(kafka: KafkaConfig, deps: Deps): Promise<EventWay> {
  const publisher = await createKafkaBus(kafka, { logger: deps.logger });
  const stopping = new AbortController();
  const starting = startIngesting({
    kafka,
    ...deps,
    ceiling: defaultRejectCeiling,
    condition: new Condition(),
    stopping: stopping.signal,
  });
  let ingesting: Ingesting | undefined;
  const failed = new Promise<Error>((resolve) => {
    starting.then(
      (started) => {
        ingesting = started;
        void started.failed.then(resolve);
      },
      (error: Error) => {
        if (!stopping.signal.aborted) resolve(error);
      },
    );
  });
  return {
    publisher,
    stats: () => ({ ...ingesting?.ingester.stats() }),
    failed,
    async close() {
      stopping.abort();
      // A try that was under way may have joined the groups after all.
      await starting.then(({ stop }) => stop()).catch(() => {});
      await publisher.close();
    },
  };
}

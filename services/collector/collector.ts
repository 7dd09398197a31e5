import { hostname } from 'node:os';
import { join } from 'node:path';
import type { BusPublisher, KafkaConfig } from '#shared/bus';
import type { Clock, Logger } from '#shared/runtime';
import { normalizeHostName } from '#shared/traffic';
import type { MailServerAdapter } from './adapter.ts';
import type { SourceConfig } from './config.ts';
import { adaptersFor, mailServerAdapters } from './pipeline/adapters.ts';
import type { Listed } from './pipeline/listing.ts';
import { eachBatch, type Publications, SourceRunner } from './pipeline/source-runner.ts';
import type { SourceStatus } from './pipeline/status.ts';
import type { Tell } from './pipeline/teller.ts';
import {
  createFileSource,
  createJournalSource,
  createKafkaRawSource,
  createStreamSource,
  createWebhookSource,
  type LineSource,
  type WebhookSource,
} from './sources/index.ts';

export interface CollectorDeps {
  /** Validated by `sourceConfigSchema`; ids are unique, at most one is of kind `stdin`. */
  readonly sources: readonly SourceConfig[];
  readonly publisher: BusPublisher;
  /** Where what was counted of each source and day is told; nowhere where absent. */
  readonly tell?: Tell;
  /** One batch of lines each, as soon as it is there, where absent. */
  readonly publications?: Publications;
  /** Folder of the checkpoints, one folder per source in it. One process at a time: the caller sees to that. */
  readonly stateDirectory: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What a source of kind `stdin` reads. */
  readonly stdin?: AsyncIterable<Uint8Array>;
  /** The cluster of sources of kind `kafka-raw`. */
  readonly kafka?: KafkaConfig;
  /** How the files are watched, milliseconds; see `sourceLimits`. */
  readonly timing?: { readonly pollMs: number; readonly settleMs: number };
  /** Mail servers to understand; all that Griffie knows where absent. */
  readonly adapters?: readonly MailServerAdapter[];
}

export interface Collector {
  /** Starts to follow every source. A source that cannot be read is tried again; `status()` says so. Once. */
  start(): void;
  /** Finishes each batch at hand and lets go. What is not acknowledged by then is read again next time. */
  stop(): Promise<void>;
  /** Resolves when every source has ended: streams do, followed files and journals only by `stop()`. */
  ended(): Promise<void>;
  status(): SourceStatus[];
  /** The last lines of a source that were not understood, newest first; empty for an unknown id. */
  notUnderstood(sourceId: string): Listed[];
}

/** @throws TypeError for sources that contradict each other. */
export function createCollector(deps: CollectorDeps): Collector {
  const { sources, stdin, adapters = mailServerAdapters } = deps;
  if (new Set(sources.map((source) => source.id)).size < sources.length) {
    throw new TypeError('two sources have the same id');
  }
  if (sources.filter((source) => source.kind === 'stdin').length > (stdin === undefined ? 0 : 1)) {
    throw new TypeError('standard input can be one source, and must be given to the collector');
  }
  if (deps.kafka === undefined && sources.some((source) => source.kind === 'kafka-raw')) {
    throw new TypeError('a source of kind kafka-raw needs a Kafka cluster');
  }
  if (sharePartitions(sources)) throw new TypeError('two sources read the same partition of a topic');
  const addresses = sources.flatMap((source) =>
    source.kind === 'webhook' && source.listen.port !== 0
      ? [`${source.listen.host}:${source.listen.port}`]
      : [],
  );
  if (new Set(addresses).size < addresses.length) {
    throw new TypeError('two sources listen on the same address');
  }
  const webhooks = new Map<string, WebhookSource>();
  const ownHost = normalizeHostName(hostname()) ?? 'localhost';
  const runners = sources.map(
    (config) =>
      new SourceRunner({
        config,
        host: config.host ?? ownHost,
        openSource: () => openSource(config, deps, webhooks),
        adapters: adaptersFor(config.software, adapters),
        publisher: deps.publisher,
        tell: deps.tell,
        publications: deps.publications ?? eachBatch,
        stateDirectory: deps.stateDirectory,
        clock: deps.clock,
        logger: deps.logger,
      }),
  );
  return {
    start() {
      for (const runner of runners) runner.start();
    },
    async stop() {
      await Promise.all(runners.map((runner) => runner.stop()));
      await Promise.all([...webhooks.values()].map((source) => source.end()));
    },
    async ended() {
      await Promise.all(runners.map((runner) => runner.ended()));
    },
    status: () => runners.map((runner) => runner.status()),
    notUnderstood: (sourceId) =>
      runners.find((runner) => runner.status().id === sourceId)?.notUnderstood() ?? [],
  };
}

/** Whether a partition is read twice: its lines would give every event under two ids. */
function sharePartitions(sources: readonly SourceConfig[]): boolean {
  const raw = sources.filter((source) => source.kind === 'kafka-raw');
  return raw.some((source, i) =>
    raw.slice(i + 1).some(({ topic, partitions }) => {
      if (topic !== source.topic) return false;
      if (partitions === undefined || source.partitions === undefined) return true;
      return partitions.some((partition) => source.partitions?.includes(partition));
    }),
  );
}

/** @param webhooks those that listen already: they do so also while their pipeline is begun again. */
function openSource(
  config: SourceConfig,
  deps: CollectorDeps,
  webhooks: Map<string, WebhookSource>,
): LineSource {
  switch (config.kind) {
    case 'file':
      return createFileSource({ path: config.path, from: config.from, ...deps.timing });
    case 'stdin':
      return createStreamSource(deps.stdin ?? emptyStream());
    case 'journal':
      return createJournalSource({
        command: 'journalctl',
        matches: config.matches,
        from: config.from,
        ...(config.path === undefined ? {} : { directory: config.path }),
      });
    case 'webhook': {
      const source = webhooks.get(config.id) ?? createWebhookSource(webhookOptions(config, deps));
      webhooks.set(config.id, source);
      return source;
    }
    case 'kafka-raw':
      if (deps.kafka === undefined) throw new TypeError('a source of kind kafka-raw needs a Kafka cluster');
      return createKafkaRawSource({
        config: deps.kafka,
        sourceId: config.id,
        topic: config.topic,
        from: config.from,
        logger: deps.logger,
        ...(config.partitions === undefined ? {} : { partitions: config.partitions }),
      });
  }
}

function webhookOptions(config: Extract<SourceConfig, { kind: 'webhook' }>, deps: CollectorDeps) {
  const { id, listen, tls, secrets, format, spoolBytes } = config;
  const spoolFolder = join(deps.stateDirectory, id, 'spool');
  const own = { id, listen, secrets, format, spoolBytes, spoolFolder, logger: deps.logger };
  return tls === undefined ? own : { ...own, tls };
}

async function* emptyStream(): AsyncGenerator<Uint8Array> {}

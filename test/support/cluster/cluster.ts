import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KafkaConfig } from '#shared/bus';
import {
  createMigrations,
  type Database,
  defaultRetention,
  loadMigrations,
  openServerDatabase,
} from '#shared/store';
import { type HttpEngineProcess, startHttpEngineProcess } from '../clickhouse-http/engine-process.ts';
import { freshTopics, type LocalBroker, startLocalBroker } from '../kafka.ts';
import { type KafkaProxy, startKafkaProxy } from '../kafka-proxy.ts';
import { freePorts } from '../mail-servers/ports.ts';
import { type ServiceProcess, startService } from '../service-process.ts';

/** A real broker, the real engine behind HTTP, and Griffie's services as processes, all to be killed. */
export interface TestCluster {
  readonly folder: string;
  readonly broker: LocalBroker;
  readonly network: KafkaProxy;
  readonly kafka: KafkaConfig;
  readonly database: Database;
  engine(): HttpEngineProcess;
  /** On its data and port. */
  restartEngine(): Promise<void>;
  startCollector(sources: readonly unknown[]): Promise<ServiceProcess>;
  startIngester(slot: number): ServiceProcess;
  rows(query: string): Promise<Record<string, unknown>[]>;
  remove(): Promise<void>;
}

/** Clients reach the broker through a proxy that can cut the network. */
export async function startCluster({ partitions }: { partitions: number }): Promise<TestCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'griffie-cluster-'));
  let brokerPort = 0;
  const network = await startKafkaProxy(() => brokerPort);
  const broker = await startLocalBroker(async (brokerFolder, port) => {
    brokerPort = port;
    const advertised = `advertised.listeners=CLIENT://127.0.0.1:${network.port}\n`;
    await writeFile(join(brokerFolder, 'extra.properties'), advertised);
  });
  const kafka = await freshTopics(broker.brokers, partitions);
  const [port = 0, ...healthPorts] = await freePorts(6);
  const startEngine = () => startHttpEngineProcess(join(folder, 'engine'), { port });
  await mkdir(join(folder, 'engine'));
  let engine = await startEngine();
  const database = openServerDatabase({
    url: engine.url,
    username: 'default',
    password: '',
    database: 'default',
  });
  const migrations = await loadMigrations();
  await createMigrations(database, { retention: defaultRetention, migrations }).apply();

  const services = new Set<ServiceProcess>();
  const kafkaEnv = {
    KAFKA_BROKERS: `127.0.0.1:${network.port}`,
    KAFKA_TLS: 'off',
    KAFKA_TOPIC_PREFIX: kafka.topicPrefix,
  };
  const start = (...args: Parameters<typeof startService>): ServiceProcess => {
    const service = startService(...args);
    services.add(service);
    return service;
  };

  return {
    folder,
    broker,
    network,
    kafka,
    database,
    engine: () => engine,
    async restartEngine() {
      await engine.kill();
      engine = await startEngine();
    },
    async startCollector(sources) {
      const sourcesFile = join(folder, 'sources.json');
      await writeFile(sourcesFile, JSON.stringify(sources));
      return start('collector', {
        ...kafkaEnv,
        COLLECTOR_SOURCES_FILE: sourcesFile,
        COLLECTOR_STATE_FOLDER: join(folder, 'collector'),
        HEALTH_LISTEN: `127.0.0.1:${healthPorts[0]}`,
      });
    },
    startIngester: (slot) =>
      start('ingester', {
        ...kafkaEnv,
        CLICKHOUSE_URL: engine.url,
        CLICKHOUSE_DATABASE: 'default',
        HEALTH_LISTEN: `127.0.0.1:${healthPorts[1 + slot]}`,
      }),
    async rows(query) {
      const found: Record<string, unknown>[] = [];
      for await (const rows of database.rows({ text: query, parameters: {} })) {
        for (const row of rows) found.push(row as Record<string, unknown>);
      }
      return found;
    },
    async remove() {
      for (const { child } of services) child.kill('SIGKILL');
      await database.close();
      await engine.kill();
      await broker.stop();
      await network.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

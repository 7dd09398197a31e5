import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { desiredTopics, type KafkaConfig, kafkaConfigSchema, reconcileTopics } from '#shared/bus';
import { packageRoot, silentLogger } from '#shared/runtime';

const script = join(packageRoot, 'infra', 'kafka', 'local-broker.sh');
/** The version that infra/kafka/pom.xml names. */
const image = 'apache/kafka:4.1.1';

export type KafkaKind = 'given' | 'docker' | 'java';
export type KafkaAvailability =
  | { readonly ok: true; readonly kind: KafkaKind }
  | { readonly ok: false; readonly reason: string };

export interface TestBroker {
  readonly brokers: readonly string[];
  stop(): Promise<void>;
}

/** A broker whose process is ours to kill. */
export interface LocalBroker extends TestBroker {
  /** SIGKILL; resolves once the process is gone. Its data stay. */
  kill(): Promise<void>;
  /** Starts it again on its data and port; resolves once it answers. */
  start(): Promise<void>;
  /** SIGSTOP: connections stay open, and nothing answers. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
}

/** The first way to a broker that this machine has: `KAFKA_BROKERS`, Docker, Java with Maven. */
export function kafkaAvailable(): KafkaAvailability {
  if (process.env.KAFKA_BROKERS) return { ok: true, kind: 'given' };
  if (succeeds('docker', ['info'])) return { ok: true, kind: 'docker' };
  const local = localBrokerAvailable();
  return local.ok ? local : { ok: false, reason: `needs KAFKA_BROKERS, Docker, or Java: ${local.reason}` };
}

/** Whether a broker of our own can be started with Java; tests that kill it need that. */
export function localBrokerAvailable(): KafkaAvailability {
  if (process.platform !== 'linux') return { ok: false, reason: 'needs Linux' };
  if (!succeeds('java', ['-version'])) return { ok: false, reason: 'needs Java 17 or newer' };
  if (!succeeds(script, ['fetch'])) return { ok: false, reason: "needs Maven, which fetches Kafka's jars" };
  return { ok: true, kind: 'java' };
}

function succeeds(program: string, args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore', timeout: 300_000 });
    return true;
  } catch {
    return false;
  }
}

export function startBroker(kind: KafkaKind): Promise<TestBroker> {
  return starters[kind]();
}

const starters: Record<KafkaKind, () => Promise<TestBroker>> = {
  async given() {
    return { brokers: (process.env.KAFKA_BROKERS ?? '').split(','), stop: async () => {} };
  },

  async docker() {
    const { GenericContainer, Wait } = await import('testcontainers');
    const port = await freePort();
    const container = await new GenericContainer(image)
      .withExposedPorts({ container: 9092, host: port })
      .withEnvironment({
        KAFKA_NODE_ID: '1',
        KAFKA_PROCESS_ROLES: 'broker,controller',
        KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
        KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
        KAFKA_LISTENERS: 'PLAINTEXT://:9092,CONTROLLER://:9093',
        KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://127.0.0.1:${port}`,
        KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
        KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
        KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
        KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
        KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
      })
      .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/))
      .start();
    return { brokers: [`127.0.0.1:${port}`], stop: async () => void (await container.stop()) };
  },

  java: () => startLocalBroker(),
};

/** @param prepare may put `extra.properties` and `scram-users` into the broker's folder before it starts */
export async function startLocalBroker(
  prepare: (folder: string, port: number) => Promise<void> = async () => {},
): Promise<LocalBroker> {
  const folder = await mkdtemp(join(tmpdir(), 'griffie-kafka-'));
  const port = await freePort();
  await prepare(folder, port);
  const log = join(folder, 'broker.log');
  let child = await run();

  async function run() {
    await rm(log, { force: true });
    const started = spawn(script, ['run', folder, String(port)], { stdio: 'ignore' });
    process.once('exit', () => started.kill('SIGKILL'));
    for (let i = 0; !(await readFile(log, 'utf8').catch(() => '')).includes('Kafka Server started'); i++) {
      if (i > 600 || started.exitCode !== null) throw new Error(`the broker did not start; see ${log}`);
      await sleep(100);
    }
    return started;
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  return {
    brokers: [`127.0.0.1:${port}`],
    kill: () => end('SIGKILL'),
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    async start() {
      child = await run();
    },
    async stop() {
      // Nothing of it is kept, so nothing need be written.
      await end('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A port of which the next one is free, too: the controller's. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + (randomBytes(2).readUInt16BE() % 12_000);
    if ((await isFree(port)) && (await isFree(port + 1))) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const server = createServer();
    server.once('error', () => settle(false));
    server.listen(port, '127.0.0.1', () => server.close(() => settle(true)));
  });
}

/** A configuration with names of its own on the broker, and its topics made. */
export async function freshTopics(brokers: readonly string[], partitions: number): Promise<KafkaConfig> {
  const topicPrefix = `test-${randomBytes(6).toString('hex')}.`;
  const config = kafkaConfigSchema.parse({ brokers, topicPrefix, tls: false });
  const desired = desiredTopics(config, { partitions, replicationFactor: 1, retentionDays: 1 });
  await reconcileTopics(config, desired, { apply: true, logger: silentLogger });
  return config;
}

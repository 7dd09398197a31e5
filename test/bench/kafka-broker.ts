import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { desiredTopics, type KafkaConfigInput, kafkaConfigSchema, reconcileTopics } from '#shared/bus';
import { packageRoot, silentLogger } from '#shared/runtime';
import { has } from './child.ts';

/** Partitions of the topics that are measured. */
export const partitions = 12;

/** Why there is no broker to measure with, or null. */
export function brokerMissing(): string | null {
  if (process.env.KAFKA_BROKERS) return null;
  if (!has('java', ['-version'])) return 'needs KAFKA_BROKERS, or Java 17 or newer with Maven';
  return has(script, ['fetch']) ? null : "needs Maven, which fetches Kafka's jars";
}

const script = join(packageRoot, 'infra', 'kafka', 'local-broker.sh');

/** The brokers of `KAFKA_BROKERS`, else one of our own in the folder, which ends with `use`. */
export async function withBroker<Result>(
  folder: string,
  use: (config: KafkaConfigInput) => Promise<Result>,
): Promise<Result> {
  const topicPrefix = `bench-${randomBytes(4).toString('hex')}.`;
  const given = process.env.KAFKA_BROKERS;
  if (given !== undefined) return use({ brokers: given.split(','), topicPrefix, tls: false });
  const port = await freePort();
  const data = join(folder, 'kafka');
  const broker = spawn(script, ['run', data, String(port)], { stdio: 'ignore' });
  const killWithUs = () => broker.kill('SIGKILL');
  process.once('exit', killWithUs);
  try {
    await untilStarted(join(data, 'broker.log'), () => broker.exitCode === null);
    return await use({ brokers: [`127.0.0.1:${port}`], topicPrefix, tls: false });
  } finally {
    process.off('exit', killWithUs);
    if (broker.exitCode === null) {
      const gone = once(broker, 'exit');
      broker.kill('SIGKILL');
      await gone;
    }
  }
}

/** Makes the topics of a configuration. */
export async function makeTopics(config: KafkaConfigInput): Promise<void> {
  const parsed = kafkaConfigSchema.parse(config);
  const desired = desiredTopics(parsed, { partitions, replicationFactor: 1, retentionDays: 1 });
  await reconcileTopics(parsed, desired, { apply: true, logger: silentLogger });
}

async function untilStarted(log: string, alive: () => boolean): Promise<void> {
  for (let waited = 0; ; waited += 100) {
    if ((await readFile(log, 'utf8').catch(() => '')).includes('Kafka Server started')) return;
    if (waited > 120_000 || !alive()) throw new Error('the broker did not start');
    await sleep(100);
  }
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

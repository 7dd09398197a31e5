import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createKafkaBus, type KafkaConfig, kafkaConfigSchema, readTopic, topics } from '#shared/bus';
import { packageRoot, silentLogger } from '#shared/runtime';
import { eventually, record } from '../../contract/bus/contract.ts';
import { type LocalBroker, startLocalBroker } from '../../support/kafka.ts';
import { describeWithLocalBroker } from '../../support/kafka-describe.ts';
import { run } from '../../unit/cli/support.ts';

const docker = join(packageRoot, 'infra/docker');
const bounds = { maxRecords: 10, maxBytes: 10_000, maxWaitMs: 5 };

/** What `kafka-acls.sh` would be called with, for each call. */
function grantedCalls(folder: string): string[][] {
  const tool = join(folder, 'acls');
  writeFileSync(tool, `#!/bin/bash\nprintf '%s\\t' "$@" >>'${folder}/calls'; echo >>'${folder}/calls'\n`, {
    mode: 0o755,
  });
  execFileSync(join(docker, 'kafka/grants.sh'), { env: { ...process.env, ACLS: tool } });
  return readFileSync(join(folder, 'calls'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t').filter((word) => word !== ''));
}

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;
const operations: Record<string, number> = {
  Read: AclOperationTypes.READ,
  Write: AclOperationTypes.WRITE,
  Describe: AclOperationTypes.DESCRIBE,
  Delete: AclOperationTypes.DELETE,
};

/** The same as entries of Kafka's protocol. */
function entriesOf(call: readonly string[]) {
  const valuesOf = (option: string) => call.filter((_, i) => call[i - 1] === option);
  const [principal = ''] = valuesOf('--allow-principal');
  const prefixed = valuesOf('--resource-pattern-type').includes('prefixed');
  const resources = [
    ...valuesOf('--topic').map((name) => [AclResourceTypes.TOPIC, name] as const),
    ...valuesOf('--group').map((name) => [AclResourceTypes.GROUP, name] as const),
  ];
  return resources.flatMap(([resourceType, resourceName]) =>
    valuesOf('--operation').map((operation) => ({
      principal,
      host: '*',
      operation: operations[operation] ?? AclOperationTypes.UNKNOWN,
      permissionType: AclPermissionTypes.ALLOW,
      resourceType,
      resourceName,
      resourcePatternType: prefixed ? ResourcePatternTypes.PREFIXED : ResourcePatternTypes.LITERAL,
    })),
  );
}

describeWithLocalBroker('the broker of docker-compose.yml, with its own settings and secrets', () => {
  let broker: LocalBroker;
  let folder: string;
  let address: string;
  const secret = (name: string): string => join(folder, 'secrets', name);

  const configOf = (client: string): KafkaConfig =>
    kafkaConfigSchema.parse({
      brokers: [address],
      tls: {
        caFile: secret('ca.pem'),
        certFile: secret(`kafka-${client}.pem`),
        keyFile: secret(`kafka-${client}.key`),
      },
    });

  const connect = (client: string) => createKafkaBus(configOf(client), { logger: silentLogger });

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'griffie-compose-'));
    execFileSync(join(docker, 'make-secrets.sh'), [join(folder, 'secrets')]);
    const settings = readFileSync(join(docker, 'kafka/server.properties'), 'utf8');
    broker = await startLocalBroker(async (brokerFolder, port) => {
      address = `localhost:${port}`;
      const here = settings
        .replace('CLIENT://:9093,CONTROLLER://:9094', `CLIENT://:${port},CONTROLLER://:${port + 1}`)
        .replace('kafka:9093', address)
        .replace('kafka:9094', `localhost:${port + 1}`)
        .replace('/var/lib/kafka/data/log', join(brokerFolder, 'data'))
        .replaceAll('/run/secrets', join(folder, 'secrets'));
      await writeFile(join(brokerFolder, 'extra.properties'), here);
    });
    const made = await run(['topics', 'apply'], {
      env: {
        KAFKA_BROKERS: address,
        KAFKA_TLS_CA_FILE: secret('ca.pem'),
        KAFKA_TLS_CERT_FILE: secret('kafka-operator.pem'),
        KAFKA_TLS_KEY_FILE: secret('kafka-operator.key'),
        KAFKA_PARTITIONS: '2',
        KAFKA_REPLICATION_FACTOR: '1',
      },
    });
    expect(made.stderr).toBe('');
    const acl = grantedCalls(folder).flatMap(entriesOf);
    expect(acl.length).toBeGreaterThanOrEqual(8);
    const admin = new kafkajs.Kafka({
      brokers: [address],
      logLevel: kafkajs.logLevel.NOTHING,
      ssl: {
        ca: readFileSync(secret('ca.pem')),
        cert: readFileSync(secret('kafka-operator.pem')),
        key: readFileSync(secret('kafka-operator.key')),
      },
    }).admin();
    await admin.connect();
    await admin.createAcls({ acl });
    await admin.disconnect();
  }, 180_000);
  afterAll(async () => {
    await broker?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('lets the collector publish traffic and the ingester consume it, and put records apart', async () => {
    const [collector, ingester] = [await connect('collector'), await connect('ingester')];
    try {
      const seen: string[] = [];
      await ingester.subscribe(topics.rejected, bounds, async ({ records }) => {
        seen.push(...records.map(({ value }) => `rejected ${Buffer.from(value)}`));
      });
      await ingester.subscribe(topics.traffic, bounds, async ({ records }) => {
        seen.push(...records.map(({ value }) => `traffic ${Buffer.from(value)}`));
      });
      await collector.publish(topics.traffic, [record('k', 'one')]);
      await ingester.publish(topics.rejected, [record('k', 'two')]);
      await eventually(() => seen.length === 2);
      expect(seen.sort()).toEqual(['rejected two', 'traffic one']);
    } finally {
      await Promise.all([collector.close(), ingester.close()]);
    }
  });

  it('lets neither do the other’s work, nor more than its own', async () => {
    const [collector, ingester] = [await connect('collector'), await connect('ingester')];
    try {
      const causeOf = (error: unknown) => String((error as Error).cause);
      for (const [bus, topic] of [
        [collector, topics.rejected],
        [ingester, topics.traffic],
      ] as const) {
        const error: unknown = await bus.publish(topic, [record('k', 'v')]).catch((e: unknown) => e);
        expect(causeOf(error)).toMatch(/authoriz|not host/i);
      }
    } finally {
      await Promise.all([collector.close(), ingester.close()]);
    }
    const reading = readTopic(configOf('collector'), topics.traffic, {}, async () => {}, {
      logger: silentLogger,
    });
    await expect(reading).rejects.toMatchObject({ code: 'kafka.not_authorised' });
  });

  it('knows nobody without a certificate of its authority', async () => {
    const planned = await run(['topics', 'plan', '--json'], {
      env: { KAFKA_BROKERS: address, KAFKA_TLS_CA_FILE: secret('ca.pem') },
    });
    expect(planned.exitCode).not.toBe(0);
    expect(planned.error().code).toMatch(/^kafka\./);
    expect(planned.stdout).toBe('');
  });
});

import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createKafkaBus, type KafkaConfigInput, kafkaConfigSchema, topics } from '#shared/bus';
import { createLogger, silentLogger } from '#shared/runtime';
import { eventually, record } from '../../contract/bus/contract.ts';
import { freshTopics, type LocalBroker, startLocalBroker } from '../../support/kafka.ts';
import { describeWithLocalBroker } from '../../support/kafka-describe.ts';

const bounds = { maxRecords: 10, maxBytes: 1000, maxWaitMs: 5 };
const password = 'correct horse 17';

/** A self-signed certificate for `localhost`. */
function makeCertificate(folder: string): { key: string; cert: string } {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'].concat([
      '-addext',
      'subjectAltName=DNS:localhost',
      '-keyout',
      key,
      '-out',
      cert,
    ]),
    { stdio: 'ignore' },
  );
  return { key, cert };
}

describeWithLocalBroker('a cluster behind TLS and passwords', () => {
  let broker: LocalBroker;
  let folder: string;
  let secure: KafkaConfigInput;
  let topicPrefix: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'griffie-kafka-tls-'));
    const { key, cert } = makeCertificate(folder);
    const passwordFile = join(folder, 'password');
    await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
    let address = '';
    broker = await startLocalBroker(async (brokerFolder, port) => {
      address = `localhost:${port + 2}`;
      const keystore = join(brokerFolder, 'server.pem');
      await writeFile(keystore, (await readFile(key, 'utf8')) + (await readFile(cert, 'utf8')));
      const users = ['256', '512'].map((bits) => `SCRAM-SHA-${bits}=[name=griffie,password=${password}]`);
      await writeFile(join(brokerFolder, 'scram-users'), `${users.join('\n')}\n`);
      const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
      const plain = 'org.apache.kafka.common.security.plain.PlainLoginModule required';
      await writeFile(
        join(brokerFolder, 'extra.properties'),
        [
          `listeners=CLIENT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${port + 1},SECURE://${address}`,
          `advertised.listeners=CLIENT://127.0.0.1:${port},SECURE://${address}`,
          'listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL',
          'listener.name.secure.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
          `listener.name.secure.scram-sha-256.sasl.jaas.config=${scram}`,
          `listener.name.secure.scram-sha-512.sasl.jaas.config=${scram}`,
          `listener.name.secure.plain.sasl.jaas.config=${plain} user_griffie="${password}";`,
          'listener.name.secure.ssl.keystore.type=PEM',
          `listener.name.secure.ssl.keystore.location=${keystore}`,
          '',
        ].join('\n'),
      );
    });
    ({ topicPrefix } = await freshTopics(broker.brokers, 1));
    secure = {
      brokers: [address],
      topicPrefix,
      tls: { caFile: cert },
      sasl: { mechanism: 'plain', username: 'griffie', passwordFile },
    };
  });
  afterAll(async () => {
    await broker?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
    it(`publishes and consumes with ${mechanism}`, async () => {
      const config = kafkaConfigSchema.parse({ ...secure, sasl: { ...secure.sasl, mechanism } });
      const bus = await createKafkaBus(config, { logger: silentLogger });
      try {
        const seen: string[] = [];
        await bus.subscribe(topics.traffic, bounds, async ({ records }) => {
          seen.push(...records.map(({ value }) => Buffer.from(value).toString()));
        });
        await bus.publish(topics.traffic, [record('k', mechanism)]);
        await eventually(() => seen.length === 1);
        expect(seen).toEqual([mechanism]);
      } finally {
        await bus.close();
      }
    });
  }

  it('refuses a wrong password, and tells it to nobody', async () => {
    const passwordFile = join(folder, 'wrong');
    await writeFile(passwordFile, 'planted-wrong-password');
    const config = kafkaConfigSchema.parse({
      ...secure,
      sasl: { mechanism: 'scram-sha-256', username: 'griffie', passwordFile },
    });
    let log = '';
    const logger = createLogger('test', (line) => {
      log += line;
    });
    const bus = await createKafkaBus(config, { logger });
    const error: unknown = await bus.publish(topics.traffic, [record('k', 'v')]).catch((e: unknown) => e);
    await expect(bus.subscribe(topics.traffic, bounds, async () => {})).rejects.toThrow();
    await bus.close();
    expect(error).toMatchObject({ code: 'bus.not_handled' });
    expect(String((error as Error).cause)).toMatch(/authentication/i);
    expect(log + String(error) + String((error as Error).cause)).not.toContain('planted-wrong-password');
  });

  it('refuses a broker whose certificate nobody vouched for', async () => {
    const { tls: _, ...withoutAuthority } = secure;
    const bus = await createKafkaBus(kafkaConfigSchema.parse(withoutAuthority), { logger: silentLogger });
    const error: unknown = await bus.publish(topics.traffic, [record('k', 'v')]).catch((e: unknown) => e);
    await bus.close();
    expect(error).toMatchObject({ code: 'bus.not_handled' });
    expect(String((error as Error).cause)).toMatch(/self-signed|certificate/i);
  });
});

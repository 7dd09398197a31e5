import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { createEmbeddedBus, desiredTopics, kafkaConfigSchema, topicSizingSchema, topics } from '#shared/bus';

const sasl = { mechanism: 'plain', username: 'u', passwordFile: '/run/secrets/kafka' };
const accepts = (config: unknown): boolean => kafkaConfigSchema.safeParse(config).success;

describe('the configuration of Kafka', () => {
  it('verifies certificates unless TLS is turned off in so many words', () => {
    expect(kafkaConfigSchema.parse({ brokers: ['kafka1:9093'] }).tls).toEqual({});
    expect(accepts({ brokers: ['kafka1:9093'], tls: { rejectUnauthorized: false } })).toBe(false);
  });

  it('sends no password in the clear to another machine', () => {
    expect(accepts({ brokers: ['kafka1:9092'], tls: false, sasl })).toBe(false);
    expect(accepts({ brokers: ['localhost:9092', '192.0.2.1:9092'], tls: false, sasl })).toBe(false);
    expect(accepts({ brokers: ['127.0.0.1:9092', '[::1]:9092'], tls: false, sasl })).toBe(true);
    expect(accepts({ brokers: ['kafka1:9093'], sasl })).toBe(true);
  });

  it('takes a password as a file only', () => {
    expect(accepts({ brokers: ['kafka1:9093'], sasl: { ...sasl, password: 'x' } })).toBe(false);
  });

  it('refuses what is no address, and half a client certificate', () => {
    for (const broker of ['kafka1', 'kafka1:port', 'http://kafka1:9092', 'a b:9092', '']) {
      expect(accepts({ brokers: [broker] }), broker).toBe(false);
    }
    expect(accepts({ brokers: [] })).toBe(false);
    expect(accepts({ brokers: ['kafka1:9093'], tls: { certFile: 'c' } })).toBe(false);
  });
});

describe('the topics of Kafka', () => {
  const made = desiredTopics({ topicPrefix: '' }, topicSizingSchema.parse({}));
  const settingsOf = (name: string) => made.find((topic) => topic.name === name)?.settings ?? {};

  it('are there for each topic of the bus', () => {
    for (const topic of Object.values(topics)) expect(made.map(({ name }) => name)).toContain(topic);
  });

  it('lets rejects expire no later than traffic, by the broker’s clock', () => {
    const [traffic, rejected] = [settingsOf(topics.traffic), settingsOf(topics.rejected)];
    expect(Number(traffic['retention.ms'])).toBe(7 * 24 * 3_600_000);
    expect(Number(rejected['retention.ms'])).toBeLessThanOrEqual(Number(traffic['retention.ms']));
    expect(traffic['message.timestamp.type']).toBe('LogAppendTime');
  });

  it('keep the ledger for ever, in one order', () => {
    expect(made.find(({ name }) => name === 'griffie.ledger.v1')?.partitions).toBe(1);
    expect(settingsOf('griffie.ledger.v1')).toMatchObject({
      'cleanup.policy': 'delete',
      'flush.messages': '1',
      'retention.ms': '-1',
      'retention.bytes': '-1',
      'min.insync.replicas': '2',
    });
  });
});

describe('the embedded default', () => {
  it('does without Kafka’s client', async () => {
    await createEmbeddedBus().close();
    const loaded = Object.keys(createRequire(import.meta.url).cache);
    expect(loaded.filter((path) => /[/\\](kafkajs|lz4-napi)[/\\]/.test(path))).toEqual([]);
    await import('kafkajs');
    expect(Object.keys(createRequire(import.meta.url).cache).join()).toContain('kafkajs');
  });
});

import { describe, expect, it } from 'vitest';
import { type StandaloneConfigInput, standaloneConfigSchema } from '#services/standalone';

const check = (change: Partial<StandaloneConfigInput>) =>
  standaloneConfigSchema.safeParse({ dataFolder: '/tmp/x', ...change });

describe('the configuration of the embedded default', () => {
  it('needs a folder and nothing else', () => {
    expect(check({}).data).toMatchObject({
      listen: { host: '127.0.0.1', port: 8425 },
      retentionPeriod: { months: 6 },
      sources: [],
    });
  });

  const kafka = { brokers: ['kafka1.example.nl:9093'] };
  const stdin = { id: 'a', kind: 'stdin' as const };
  const tls = { certFile: 'c.pem', keyFile: 'k.pem' };
  it.each<[string, Partial<StandaloneConfigInput>, boolean]>([
    ['an address of the network in the clear', { listen: '0.0.0.0:8425' }, false],
    ['a name in the clear', { listen: 'griffie.example.nl:8425' }, false],
    ['an address of the network with TLS', { listen: '0.0.0.0:8425', tls }, true],
    ['IPv6 loopback', { listen: '[::1]:8425' }, true],
    ['a public URL in the clear', { publicUrl: 'http://griffie.example.nl' }, false],
    ['a public URL', { publicUrl: 'https://griffie.example.nl' }, true],
    ['a public URL with a slash at its end', { publicUrl: 'https://griffie.example.nl/' }, false],
    ['a public URL with a query', { publicUrl: 'https://griffie.example.nl?x' }, false],
    ['a period of days', { retentionPeriod: 'P180D' }, false],
    ['a period without end', { retentionPeriod: 'P1200M' }, false],
    ['no port', { listen: '127.0.0.1' }, false],
    [
      'a time zone that is none',
      { sources: [{ id: 'a', kind: 'file', path: '/a', timeZone: 'Mars/X' }] },
      false,
    ],
    ['two sources of one id', { sources: [stdin, { ...stdin }] }, false],
    ['raw lines without a cluster', { sources: [{ id: 'a', kind: 'kafka-raw' }] }, false],
    ['raw lines with a cluster', { sources: [{ id: 'a', kind: 'kafka-raw' }], kafka }, true],
    ['a cluster', { kafka }, true],
    ['a cluster without brokers', { kafka: { brokers: [] } }, false],
    ['a source id with a path in it', { sources: [{ id: '../a', kind: 'file', path: '/a' }] }, false],
  ])('%s', (_name, change, ok) => expect(check(change).success).toBe(ok));

  it('an unknown member', () => {
    expect(standaloneConfigSchema.safeParse({ dataFolder: '/tmp/x', adminPassword: 'x' }).success).toBe(
      false,
    );
  });
});

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCollectorSettings } from '#services/collector';

describe('the collector’s environment', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'griffie-test-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function read(sources: unknown, more: Record<string, string> = {}) {
    const file = join(folder, 'sources.json');
    await writeFile(file, typeof sources === 'string' ? sources : JSON.stringify(sources));
    const outcome = await readCollectorSettings({
      KAFKA_BROKERS: 'kafka1.example.nl:9093, kafka2.example.nl:9093',
      COLLECTOR_STATE_FOLDER: '/var/lib/griffie',
      COLLECTOR_SOURCES_FILE: file,
      ...more,
    });
    return outcome.ok ? { settings: outcome.settings, problems: [] } : { problems: outcome.problems };
  }
  const source = { kind: 'file', id: 'postfix', path: '/var/log/mail.log' };

  it('needs brokers, a state folder and sources, and nothing else', async () => {
    const { settings, problems } = await read([source]);
    expect(problems).toEqual([]);
    expect(settings).toMatchObject({
      healthListen: { host: '127.0.0.1', port: 9464 },
      logLevel: 'info',
      stateFolder: '/var/lib/griffie',
      kafka: { brokers: ['kafka1.example.nl:9093', 'kafka2.example.nl:9093'], tls: {}, topicPrefix: '' },
      sources: [{ id: 'postfix', timeZone: 'UTC', from: 'beginning' }],
    });
    const nothing = await readCollectorSettings({});
    expect(nothing.ok ? [] : nothing.problems.map((problem) => problem.split(':')[0])).toEqual([
      'KAFKA_BROKERS',
      'COLLECTOR_STATE_FOLDER',
      'COLLECTOR_SOURCES_FILE',
    ]);
  });

  it('takes SASL over TLS, with the password in a file', async () => {
    const sasl = {
      KAFKA_SASL_MECHANISM: 'scram-sha-512',
      KAFKA_SASL_USERNAME: 'collector',
      KAFKA_SASL_PASSWORD_FILE: join(folder, 'sources.json'),
    };
    expect((await read([source], sasl)).settings?.kafka.sasl).toMatchObject({ username: 'collector' });
    expect((await read([source], { ...sasl, KAFKA_TLS: 'off' })).problems).toEqual([
      expect.stringMatching(/^KAFKA_SASL_MECHANISM: a password needs TLS/),
      expect.stringMatching(/^KAFKA_SASL_USERNAME: a password needs TLS/),
      expect.stringMatching(/^KAFKA_SASL_PASSWORD_FILE: a password needs TLS/),
    ]);
  });

  it.each([
    [{ KAFKA_TLS: 'yes' }, /^KAFKA_TLS: is not valid/],
    [{ KAFKA_BROKERS: 'kafka1' }, /^KAFKA_BROKERS: must be host:port/],
    [{ KAFKA_TLS_CERT_FILE: '/etc/hosts' }, /^KAFKA_TLS_CERT_FILE: certFile and keyFile go together/],
    [{ KAFKA_TLS: 'off', KAFKA_TLS_CA_FILE: '/etc/hosts' }, /^KAFKA_TLS: is not valid.*KAFKA_TLS_…_FILE/],
    [{ HEALTH_LISTEN: 'everywhere' }, /^HEALTH_LISTEN: must be host:port/],
    [{ LOG_LEVEL: 'trace' }, /^LOG_LEVEL: is not valid; it is one of info, warn, error/],
  ])('%j', async (more, problem) => {
    expect((await read([source], more)).problems).toEqual([expect.stringMatching(problem)]);
  });

  it.each([
    ['{', /is no JSON/],
    [{}, /expected array/],
    [[], /at least one/],
    [[source, source], /an id of its own/],
    [[{ ...source, id: '../x' }], /0\.id must be 1 to 32/],
    [[{ ...source, path: undefined }], /0\.path/],
    [
      [
        { kind: 'stdin', id: 'a' },
        { kind: 'stdin', id: 'b' },
      ],
      /standard input once/,
    ],
  ])('sources %j', async (sources, problem) => {
    const { problems } = await read(sources);
    expect(problems).toEqual([expect.stringMatching(problem)]);
    expect(problems[0]).toMatch(/^COLLECTOR_SOURCES_FILE: /);
  });
});

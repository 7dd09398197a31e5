import { describe, expect, it } from 'vitest';
import { readIngesterSettings } from '#services/ingester';

const base = {
  KAFKA_BROKERS: '127.0.0.1:9092',
  KAFKA_TLS: 'off',
  CLICKHOUSE_URL: 'https://store.example.nl:8443',
};
async function read(more: Record<string, string> = {}) {
  const outcome = await readIngesterSettings({ ...base, ...more });
  return outcome.ok ? { settings: outcome.settings, problems: [] } : { problems: outcome.problems };
}

describe('the ingester’s environment', () => {
  it('needs brokers and a store, and nothing else', async () => {
    expect((await read()).settings).toMatchObject({
      retention: { months: 6 },
      clickhouse: { url: 'https://store.example.nl:8443', username: 'default', database: 'griffie' },
      kafka: { consumerGroup: 'griffie', tls: false },
      ceiling: { rejects: 1000, share: 0.2, window: 10_000 },
    });
    const nothing = await readIngesterSettings({});
    expect(nothing.ok ? [] : nothing.problems.map((problem) => problem.split(':')[0])).toEqual([
      'KAFKA_BROKERS',
      'CLICKHOUSE_URL',
    ]);
  });

  it('lets a person raise the ceiling on rejects', async () => {
    const { settings } = await read({ INGESTER_MAX_REJECTS: '50000', INGESTER_MAX_REJECT_SHARE: '0.9' });
    expect(settings?.ceiling).toEqual({ rejects: 50_000, share: 0.9, window: 10_000 });
  });

  it.each([
    [{ CLICKHOUSE_URL: 'http://store.example.nl:8123' }, /^CLICKHOUSE_URL: must be https/],
    [{ CLICKHOUSE_URL: 'https://user:secret@store.example.nl' }, /^CLICKHOUSE_URL: .*without user/],
    [{ CLICKHOUSE_URL: 'store' }, /^CLICKHOUSE_URL: must be https/],
    [{ CLICKHOUSE_DATABASE: 'a;b' }, /^CLICKHOUSE_DATABASE: /],
    [{ CLICKHOUSE_TLS_KEY_FILE: '/etc/hosts' }, /^CLICKHOUSE_TLS_KEY_FILE: .*go together/],
    [{ CLICKHOUSE_PASSWORD_FILE: '/nowhere/secret' }, /^CLICKHOUSE_PASSWORD_FILE: .*\(ENOENT\)/],
    [{ RETENTION_PERIOD: 'P180D' }, /^RETENTION_PERIOD: must be P1M to P24M/],
    [{ INGESTER_MAX_REJECT_SHARE: '20%' }, /^INGESTER_MAX_REJECT_SHARE: is not valid/],
    [{ INGESTER_MAX_REJECT_SHARE: '2' }, /^INGESTER_MAX_REJECT_SHARE: is not valid/],
  ])('%j', async (more, problem) => {
    const { problems } = await read(more);
    expect(problems).toEqual([expect.stringMatching(problem)]);
    expect(problems.join()).not.toContain('secret');
  });
});

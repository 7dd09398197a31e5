import { describe, expect, it } from 'vitest';
import { desiredTopics, planTopics } from '#shared/bus';
import { planLines, warningsOf } from '../../../services/cli/kafka/topic-text.ts';
import { run } from './support.ts';

const sizing = { partitions: 12, replicationFactor: 3, retentionDays: 7 };
const desired = desiredTopics({ topicPrefix: '' }, sizing);
const asDesired = () => new Map(desired.map((topic) => [topic.name, topic]));

describe('the settings of griffie topics', () => {
  it('must name the brokers', async () => {
    const { exitCode, error } = await run(['topics', 'plan', '--json']);
    expect([exitCode, error().code]).toEqual([2, 'config.kafka']);
    expect(error().problems?.map(({ sentence }) => sentence)).toEqual([
      expect.stringMatching(/^KAFKA_BROKERS: is required/),
    ]);
  });

  it('are all told at once where they are wrong, and never quoted', async () => {
    const { exitCode, stderr } = await run(
      ['topics', 'plan', '--brokers', 'planted host', '--partitions', 'many', '--retention-days', '31'],
      { env: { KAFKA_TLS_CA_FIEL: '/etc/ca.pem', KAFKA_SASL_PASSWORD_FILE: '/planted/none' } },
    );
    expect(exitCode).toBe(2);
    for (const name of [
      'KAFKA_BROKERS',
      'KAFKA_PARTITIONS',
      'KAFKA_RETENTION_DAYS',
      'KAFKA_TLS_CA_FIEL',
      'KAFKA_SASL_PASSWORD_FILE',
    ]) {
      expect(stderr).toMatch(new RegExp(`^ {2}${name}: `, 'm'));
    }
    expect(stderr).not.toContain('planted');
  });

  it('take the option rather than the environment', async () => {
    const env = { KAFKA_BROKERS: '127.0.0.1:9', KAFKA_PARTITIONS: '0' };
    const { stderr } = await run(['topics', 'plan', '--partitions', '1025'], { env });
    expect(stderr).toContain('KAFKA_PARTITIONS');
    expect(stderr).not.toContain('KAFKA_BROKERS');
  });
});

describe('the difference of topics, for people', () => {
  it('is nothing where nothing differs', () => {
    expect(planLines(planTopics(desired, asDesired()))).toEqual([]);
  });

  it('warns of records that nobody read, only where a retention becomes shorter', () => {
    const [first] = desired;
    if (first === undefined) throw new Error('there are topics');
    const kinds = (settings: Record<string, string>) =>
      warningsOf(planTopics([first], new Map([[first.name, { ...first, settings }]]))).map(
        ({ kind }) => kind,
      );
    expect(kinds({ ...first.settings, 'retention.ms': '86400000' })).toEqual([]);
    expect(kinds({ ...first.settings, 'retention.ms': '864000000' })).toEqual(['waiting_records']);
    expect(kinds({ ...first.settings, 'retention.ms': '-1' })).toEqual(['waiting_records']);
  });

  it("names the cluster's default as such", () => {
    const { 'segment.ms': _, ...settings } = desired[0]?.settings ?? {};
    const actual = asDesired();
    const [first] = desired;
    if (first !== undefined) actual.set(first.name, { ...first, settings });
    expect(planLines(planTopics(desired, actual))).toEqual([
      "~ mail.traffic.v1: segment.ms the cluster's default → 86400000 (1 day)",
    ]);
  });
});

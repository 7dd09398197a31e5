import { describe, expect, it } from 'vitest';
import { createCollector, type SourceConfigInput, sourceConfigSchema } from '#services/collector';
import { kafkaConfigSchema } from '#shared/bus';
import { silentLogger, systemClock } from '#shared/runtime';

const kafka = kafkaConfigSchema.parse({ brokers: ['kafka1.example.nl:9093'] });

function create(sources: readonly Partial<SourceConfigInput>[], more: object = { kafka }): void {
  createCollector({
    sources: sources.map((source, i) =>
      sourceConfigSchema.parse({ id: `raw-${i}`, kind: 'kafka-raw', ...source }),
    ),
    publisher: { publish: async () => {} },
    stateDirectory: '/nonexistent',
    clock: systemClock,
    logger: silentLogger,
    ...more,
  });
}

describe('a source of raw lines from Kafka', () => {
  it('reads all partitions of our topic from the beginning, where nothing else is said', () => {
    const source = sourceConfigSchema.parse({ id: 'raw', kind: 'kafka-raw' });
    expect(source).toMatchObject({ topic: 'mail.raw.v1', from: 'beginning' });
    expect(source).not.toHaveProperty('partitions');
  });

  it.each([
    ['no partition at all', { partitions: [] }],
    ['a partition that is no number of one', { partitions: [-1] }],
    ['a topic that is no name of one', { topic: 'mail raw' }],
    ['a format: it has one', { format: 'syslog' }],
  ])('is refused with %s', (_, more) => {
    expect(sourceConfigSchema.safeParse({ id: 'raw', kind: 'kafka-raw', ...more }).success).toBe(false);
  });

  it('is refused without a cluster', () => {
    expect(() => create([{}], {})).toThrow(TypeError);
  });

  it.each([
    ['both read all', [{}, {}]],
    ['one reads all', [{}, { partitions: [3] }]],
    ['both were given one', [{ partitions: [0, 1] }, { partitions: [1, 2] }]],
  ])('is refused beside one that shares a partition: %s', (_, sources) => {
    expect(() => create(sources)).toThrow(TypeError);
  });

  it('is taken beside one that reads other partitions, or another topic', () => {
    expect(() => create([{ partitions: [0] }, { partitions: [1] }, { topic: 'other' }])).not.toThrow();
  });
});

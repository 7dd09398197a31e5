import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createKafkaBus, type KafkaBus, type KafkaConfig, readTopic, topics } from '#shared/bus';
import { silentLogger } from '#shared/runtime';
import { freshTopics, startBroker, type TestBroker } from '../../support/kafka.ts';
import { describeWithKafka } from '../../support/kafka-describe.ts';

const total = 6000;

describeWithKafka('a topic that is read once, from its beginning to what its end was', (kind) => {
  let broker: TestBroker;
  let config: KafkaConfig;
  let bus: KafkaBus;
  beforeAll(async () => {
    broker = await startBroker(kind);
    config = await freshTopics(broker.brokers, 3);
    bus = await createKafkaBus(config, { logger: silentLogger });
    // A kilobyte each that LZ4 cannot make smaller: several fetches of each partition.
    await bus.publish(
      topics.traffic,
      Array.from({ length: total }, (_, i) => ({
        key: `key ${i % 50}`,
        value: Buffer.from(`${i} ${randomBytes(750).toString('base64')}`),
      })),
    );
  });
  afterAll(async () => {
    await bus?.close();
    await broker?.stop();
  });

  async function numbersRead(since?: number): Promise<number[]> {
    const seen: number[] = [];
    await readTopic(
      config,
      topics.traffic,
      since === undefined ? {} : { since },
      async (records) => {
        seen.push(...records.map(({ value }) => Number.parseInt(Buffer.from(value).toString(), 10)));
        await bus.publish(topics.traffic, [{ key: 'later', value: Buffer.from('1000000') }]);
      },
      { logger: silentLogger },
    );
    return seen;
  }

  it('gives each record once, those of a key in order, and none that came meanwhile', async () => {
    const seen = await numbersRead();
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: total }, (_, i) => i));
    for (let key = 0; key < 50; key++) {
      const ofKey = seen.filter((n) => n % 50 === key);
      expect(ofKey).toEqual(ofKey.toSorted((a, b) => a - b));
    }
  });

  it('gives nothing of a time to come', async () => {
    expect(await numbersRead(Date.now() + 3_600_000)).toEqual([]);
  });

  it('ends where the taker fails, with the taker’s own error', async () => {
    const reading = readTopic(
      config,
      topics.traffic,
      {},
      () => Promise.reject(new RangeError('the taker is full')),
      { logger: silentLogger },
    );
    await expect(reading).rejects.toThrow(RangeError);
  });
});

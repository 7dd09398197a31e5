import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type BusBatch,
  createKafkaBus,
  type KafkaBus,
  type KafkaConfig,
  kafkaConfigSchema,
  topics,
} from '#shared/bus';
import { silentLogger } from '#shared/runtime';
import { freshTopics, startBroker, type TestBroker } from '../../support/kafka.ts';
import { describeWithKafka } from '../../support/kafka-describe.ts';
import { busContract, eventually, record } from './contract.ts';

const bounds = { maxRecords: 100, maxBytes: 100_000, maxWaitMs: 5 };
const valuesOf = ({ records }: BusBatch): string[] =>
  records.map(({ value }) => Buffer.from(value).toString());
const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => record(`k${from + i}`, String(from + i)));

describeWithKafka('the bus over Kafka', (kind) => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await startBroker(kind);
  });
  afterAll(() => broker?.stop());

  const open = (config: KafkaConfig): Promise<KafkaBus> => createKafkaBus(config, { logger: silentLogger });

  busContract('Kafka', async () => open(await freshTopics(broker.brokers, 1)));

  describe('beyond the contract', () => {
    let config: KafkaConfig;
    const opened: KafkaBus[] = [];
    async function another(): Promise<KafkaBus> {
      const bus = await open(config);
      opened.push(bus);
      return bus;
    }
    afterAll(() => Promise.all(opened.map((bus) => bus.close())));

    it('goes on after what was committed: handled batches do not come again, others do', async () => {
      config = await freshTopics(broker.brokers, 1);
      const first = await another();
      await first.publish(topics.traffic, numbered(0, 20));
      const handled: string[] = [];
      await first.subscribe(topics.traffic, { ...bounds, maxRecords: 5 }, async (batch) => {
        if (handled.length >= 10) throw new Error('not now');
        handled.push(...valuesOf(batch));
      });
      await eventually(() => handled.length === 10);
      await first.close();

      const second = await another();
      await second.subscribe(topics.traffic, bounds, async (batch) => void handled.push(...valuesOf(batch)));
      await eventually(() => handled.length >= 20);
      expect(handled).toEqual(numbered(0, 20).map(({ value }) => value.toString()));
    });

    it('keeps each partition’s note beside its offset, for whichever process reads on', async () => {
      config = await freshTopics(broker.brokers, 3);
      const first = await another();
      await first.publish(topics.traffic, numbered(0, 30));
      let handled = 0;
      await first.subscribe(topics.traffic, bounds, async (batch) => {
        handled += batch.records.length;
        batch.keep(`${batch.range}`);
      });
      await eventually(() => handled === 30);
      await first.close();

      const second = await another();
      await second.publish(topics.traffic, numbered(0, 30));
      const went = new Map<string, string>();
      await second.subscribe(topics.traffic, bounds, async ({ range = '', note }) => {
        const partition = range.split('/')[1] ?? '';
        if (!went.has(partition)) went.set(partition, `${note} then ${range}`);
      });
      await eventually(() => went.size === 3);
      for (const [partition, notes] of went) {
        // What was noted last ends just before what comes first now.
        const [, last, next] = /-(\d+) then .*\/(\d+)-\d+$/.exec(notes) ?? [];
        expect(notes.startsWith(`${topics.traffic}/${partition}/`), notes).toBe(true);
        expect(Number(next), notes).toBe(Number(last) + 1);
      }
    });

    it('names a batch by its offsets, the same when it is delivered again', async () => {
      config = await freshTopics(broker.brokers, 1);
      const bus = await another();
      await bus.publish(topics.traffic, numbered(0, 7));
      const ranges: (string | undefined)[] = [];
      await bus.subscribe(topics.traffic, { ...bounds, maxRecords: 5 }, async ({ range }) => {
        ranges.push(range);
        if (ranges.length < 3) throw new Error('not now');
      });
      await eventually(() => ranges.length === 4);
      const first = `${topics.traffic}/0/0-4`;
      expect(ranges).toEqual([first, first, first, `${topics.traffic}/0/5-6`]);
    });

    it('shares partitions among the members of a group, and takes over from one that leaves', async () => {
      config = await freshTopics(broker.brokers, 4);
      const seen = { one: new Set<string>(), two: new Set<string>() };
      const [one, two, publisher] = [await another(), await another(), await another()];
      await one.subscribe(topics.traffic, bounds, async (b) => {
        for (const value of valuesOf(b)) seen.one.add(value);
      });
      await two.subscribe(topics.traffic, bounds, async (b) => {
        for (const value of valuesOf(b)) seen.two.add(value);
      });
      let published = 0;
      while ((seen.one.size === 0 || seen.two.size === 0) && published < 20_000) {
        await publisher.publish(topics.traffic, numbered(published, published + 100));
        published += 100;
      }
      await one.close();
      await publisher.publish(topics.traffic, numbered(published, published + 100));
      published += 100;
      await eventually(() => new Set([...seen.one, ...seen.two]).size === published);
      expect(seen.one.size).toBeGreaterThan(0);
      expect(seen.two.size).toBeGreaterThan(0);
    });

    it('refuses a record that the broker does not take, and loses none that is published after it', async () => {
      config = await freshTopics(broker.brokers, 1);
      const bus = await another();
      const seen: string[] = [];
      await bus.subscribe(topics.traffic, bounds, async (batch) => void seen.push(...valuesOf(batch)));
      await bus.publish(topics.traffic, [record('k', 'before')]);
      // Bytes that LZ4 cannot make smaller.
      const huge = randomBytes(3_000_000);
      await expect(bus.publish(topics.traffic, [{ key: 'k', value: huge }])).rejects.toMatchObject({
        code: 'bus.not_handled',
      });
      await bus.publish(topics.traffic, [record('k', 'after')]);
      await eventually(() => seen.length === 2);
      expect(seen).toEqual(['before', 'after']);
    });

    it('keeps its membership while a handler takes longer than a session lasts', async () => {
      config = await freshTopics(broker.brokers, 1);
      const [one, two] = [await another(), await another()];
      await one.publish(topics.traffic, numbered(0, 1));
      const began: string[] = [];
      let ended = 0;
      await one.subscribe(topics.traffic, bounds, async () => {
        began.push('one');
        await new Promise((resolve) => setTimeout(resolve, 14_000));
        ended += 1;
      });
      await eventually(() => began.length === 1);
      // Joins while the handler works: the group rebalances, and must wait for the handler.
      const joined = two.subscribe(topics.traffic, bounds, async () => void began.push('two'));
      await eventually(() => ended === 1);
      await joined;
      await one.publish(topics.traffic, numbered(1, 2));
      await eventually(() => began.length === 2);
      await new Promise((resolve) => setTimeout(resolve, 1000));
      expect(began).toHaveLength(2);
    });

    it('says which topic is missing, and what makes it', async () => {
      const bus = await open(
        kafkaConfigSchema.parse({ brokers: broker.brokers, tls: false, topicPrefix: 'never-made.' }),
      );
      opened.push(bus);
      await expect(bus.subscribe(topics.traffic, bounds, async () => {})).rejects.toMatchObject({
        code: 'kafka.topic_missing',
        message: expect.stringContaining('never-made.mail.traffic.v1'),
      });
      await expect(bus.publish(topics.traffic, numbered(0, 1))).rejects.toMatchObject({
        code: 'bus.not_handled',
      });
    });

    it('refuses a second subscriber', async () => {
      config = await freshTopics(broker.brokers, 1);
      const bus = await another();
      await bus.subscribe(topics.traffic, bounds, async () => {});
      await expect(bus.subscribe(topics.traffic, bounds, async () => {})).rejects.toMatchObject({
        code: 'bus.subscribed_twice',
      });
    });
  });
});

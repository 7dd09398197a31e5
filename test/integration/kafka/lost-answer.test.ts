import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { createKafkaBus, type KafkaBus, topics } from '#shared/bus';
import { silentLogger } from '#shared/runtime';
import { eventually, record } from '../../contract/bus/contract.ts';
import { freshTopics, type LocalBroker, startLocalBroker } from '../../support/kafka.ts';
import { describeWithLocalBroker } from '../../support/kafka-describe.ts';
import { type KafkaProxy, startKafkaProxy } from '../../support/kafka-proxy.ts';

describeWithLocalBroker('a publication whose answer is lost', () => {
  let broker: LocalBroker;
  let proxy: KafkaProxy;
  let bus: KafkaBus;
  afterEach(async () => {
    await bus?.close();
    await proxy?.close();
    await broker?.stop();
  });

  it('is refused, and what is published next is not taken for its repetition', async () => {
    let brokerPort = 0;
    proxy = await startKafkaProxy(() => brokerPort);
    broker = await startLocalBroker(async (folder, port) => {
      brokerPort = port;
      await writeFile(
        join(folder, 'extra.properties'),
        `advertised.listeners=CLIENT://127.0.0.1:${proxy.port}\n`,
      );
    });
    const config = await freshTopics([`127.0.0.1:${proxy.port}`], 1);
    bus = await createKafkaBus(config, { logger: silentLogger });
    await bus.publish(topics.traffic, [record('k', 'before')]);

    proxy.loseAnswers();
    await expect(bus.publish(topics.traffic, [record('k', 'one'), record('k', 'two')])).rejects.toMatchObject(
      { code: 'bus.not_handled', retriable: true },
    );
    expect(proxy.lost()).toBeGreaterThan(0);
    proxy.pass();
    // As many as before: the same sequence numbers, if the producer were the same.
    await bus.publish(topics.traffic, [record('k', 'three'), record('k', 'four')]);

    const seen: string[] = [];
    const bounds = { maxRecords: 100, maxBytes: 10_000, maxWaitMs: 5 };
    await bus.subscribe(topics.traffic, bounds, async ({ records }) => {
      seen.push(...records.map(({ value }) => Buffer.from(value).toString()));
    });
    await eventually(() => seen.includes('four'));
    expect(seen).toEqual(['before', 'one', 'two', 'three', 'four']);
  });
});

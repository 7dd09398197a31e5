import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Bus, createEmbeddedBus, topics } from '#shared/bus';
import { busContract, record } from './contract.ts';

busContract('embedded', async () => createEmbeddedBus());

describe('the embedded bus', () => {
  let bus: Bus;
  beforeEach(() => {
    bus = createEmbeddedBus();
  });
  afterEach(() => bus.close());

  it('resolves a publication only after all of its records were handled', async () => {
    let handled = 0;
    await bus.subscribe(
      topics.traffic,
      { maxRecords: 3, maxBytes: 1000, maxWaitMs: 0 },
      async ({ records }) => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        handled += records.length;
      },
    );
    await bus.publish(
      topics.traffic,
      Array.from({ length: 10 }, () => record('k', 'x')),
    );
    expect(handled).toBe(10);
  });

  it('puts records of several publishers into one batch', async () => {
    const sizes: number[] = [];
    await bus.subscribe(
      topics.traffic,
      { maxRecords: 20, maxBytes: 1000, maxWaitMs: 10_000 },
      async ({ records }) => {
        sizes.push(records.length);
      },
    );
    await Promise.all(
      Array.from({ length: 20 }, (_, i) => bus.publish(topics.traffic, [record(`k${i}`, 'x')])),
    );
    expect(sizes).toEqual([20]);
  });

  it('sends an unfilled batch off when its first record has waited long enough', async () => {
    await bus.subscribe(topics.traffic, { maxRecords: 1000, maxBytes: 1000, maxWaitMs: 30 }, async () => {});
    const before = performance.now();
    await bus.publish(topics.traffic, [record('k', 'x')]);
    const waited = performance.now() - before;
    expect(waited).toBeGreaterThanOrEqual(29);
    expect(waited).toBeLessThan(5000);
  });

  it('rejects the publications that a failed batch held, and no other', async () => {
    await bus.subscribe(
      topics.traffic,
      { maxRecords: 1, maxBytes: 1000, maxWaitMs: 0 },
      async ({ records }) => {
        if (records[0]?.key === 'bad') throw new Error('no');
      },
    );
    const results = await Promise.allSettled([
      bus.publish(topics.traffic, [record('good', '1')]),
      bus.publish(topics.traffic, [record('bad', '2'), record('good', '3')]),
      bus.publish(topics.traffic, [record('good', '4')]),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(results[1]).toMatchObject({ reason: { code: 'bus.not_handled', retriable: true } });
  });

  it('says so where nobody subscribed, and refuses a second subscriber', async () => {
    await expect(bus.publish(topics.traffic, [record('k', 'x')])).rejects.toMatchObject({
      code: 'bus.no_subscriber',
    });
    const bounds = { maxRecords: 1, maxBytes: 1, maxWaitMs: 0 };
    await bus.subscribe(topics.traffic, bounds, async () => {});
    await expect(bus.subscribe(topics.traffic, bounds, async () => {})).rejects.toMatchObject({
      code: 'bus.subscribed_twice',
    });
  });
});

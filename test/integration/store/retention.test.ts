import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isRetained } from '#shared/store';
import { aliceScope, delivery, type OpenStore, openTemporaryStore, readAll, rowsOf } from './helpers.ts';

const at = (iso: string): number => Date.parse(iso);
const dayOf = (iso: string): string => iso.slice(0, 10);

describe('retention in the store', () => {
  let open: OpenStore;
  beforeAll(async () => {
    open = await openTemporaryStore();
    // The engine's own deletion stays out of it: what is shown here is that reads do not depend on it.
    // Times far ahead, so that the view's bound by the real clock stays out of it as well, until its own test.
    await open.database.command('SYSTEM STOP TTL MERGES traffic');
  });
  beforeEach(() => open.clear());
  afterAll(() => open.remove());

  it.each([
    ['2096-01-15T12:00:00.123Z', '2096-07-15T12:00:00.123Z'],
    ['2096-08-31T23:59:59.999Z', '2097-02-28T23:59:59.999Z'],
    ['2095-08-31T00:00:00.000Z', '2096-02-29T00:00:00.000Z'],
    ['2096-08-28T23:00:00.000Z', '2097-02-28T23:00:00.000Z'],
  ])('hides what was collected at %s from %s on, to the millisecond', async (collectedAt, end) => {
    await open.store.insertEvents([delivery(1, { collectedAt })], {
      deduplicationToken: collectedAt.replace(/\W/g, ''),
    });
    expect(await readAll(open.store, aliceScope, at(end) - 1)).toHaveLength(1);
    expect(await open.store.dataWindow(at(end) - 1)).toMatchObject({ firstCollectedAt: collectedAt });
    expect(await readAll(open.store, aliceScope, at(end))).toEqual([]);
    expect(await open.store.countScope(aliceScope, { now: at(end) })).toEqual({});
    expect(await open.store.dataWindow(at(end))).toBeNull();
  });

  it('is the rule of isRetained, at every hour around the ends of months', async () => {
    const hour = 3_600_000;
    const collected = Array.from({ length: 24 * 10 }, (_, i) => at('2096-08-24T00:00:00.500Z') + i * hour);
    const events = collected.map((time, i) => delivery(i, { collectedAt: new Date(time).toISOString() }));
    await open.store.insertEvents(events, { deduplicationToken: 'hours' });
    const nows = fc.sample(fc.integer({ min: -24 * 8, max: 24 * 8 }), { numRuns: 30, seed: 6 });
    for (const now of nows.map((n) => at('2097-02-28T00:00:00.500Z') + n * hour)) {
      const kept = collected.filter((time) => isRetained(time, now, { months: 6 }));
      expect(await readAll(open.store, aliceScope, now)).toHaveLength(kept.length);
    }
  });

  it('is also held to by the view, by the real clock, whatever clock its reader has', async () => {
    const months = (count: number): string => {
      const date = new Date();
      date.setUTCDate(15);
      date.setUTCMonth(date.getUTCMonth() + count);
      return date.toISOString();
    };
    const events = [-8, -5, 0].map((count, index) => delivery(index, { collectedAt: months(count) }));
    await open.store.insertEvents(events, { deduplicationToken: 'clocks' });
    const found = await readAll(open.store, aliceScope, at('2020-01-01T00:00:00.000Z'));
    expect(found.map(({ collectedAt }) => dayOf(collectedAt)).sort()).toEqual([
      dayOf(months(-5)),
      dayOf(months(0)),
    ]);
    expect(await rowsOf(open.database, 'SELECT count() AS n FROM traffic')).toEqual([{ n: 3 }]);
    expect(await open.store.dataWindow(at('2020-01-01T00:00:00.000Z'))).toMatchObject({
      firstCollectedAt: expect.stringContaining(dayOf(months(-5))),
    });
  });

  it('has the engine delete whole days whose period is over', async () => {
    await open.database.command('SYSTEM START TTL MERGES traffic');
    await open.store.insertEvents([delivery(1, { collectedAt: '2020-01-01T00:00:00.000Z' })], {
      deduplicationToken: 'old',
    });
    await open.store.insertEvents([delivery(2, { collectedAt: new Date().toISOString() })], {
      deduplicationToken: 'new',
    });
    await open.database.command('OPTIMIZE TABLE traffic FINAL');
    expect(await rowsOf(open.database, 'SELECT toYear(collectedAt) > 2020 AS recent FROM traffic')).toEqual([
      { recent: 1 },
    ]);
  });
});

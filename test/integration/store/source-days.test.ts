import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPartitions, createSourceDays } from '#shared/store';
import { delivery, type OpenStore, openTemporaryStore, rowsOf } from './helpers.ts';

const day = '2020-05-20';

describe('the counts of a day of which everything has expired, by the engine’s own clock', () => {
  let open: OpenStore;
  beforeAll(async () => {
    open = await openTemporaryStore();
    await createPartitions(open.database, { database: 'default' }).holdEngineExpiry();
    for (const [n, at] of [day, '2020-05-21', '2020-05-22'].entries()) {
      const times = { collectedAt: `${at}T23:59:59.999Z`, occurredAt: `${at}T09:00:00.000Z` };
      const events = [delivery(1, times), delivery(n + 2, { ...times, sourceId: 'other' })];
      // Twice, as after a retry.
      for (const token of ['a', 'b']) {
        await open.store.insertEvents(events, { deduplicationToken: `${at}-${token}` });
      }
    }
  });
  afterAll(() => open.remove());

  it('are those of what is still there, and nothing else of it can be read', async () => {
    expect(await rowsOf(open.database, 'SELECT count() AS n FROM traffic_retained')).toEqual([{ n: 0 }]);
    const sourceDays = createSourceDays(open.database);
    const [one, other] = await sourceDays.stored(day);
    expect([one, other]).toMatchObject([
      { events: 1, rows: 2 },
      { sourceId: 'other', events: 1, rows: 2 },
    ]);
    // Its first event is on every day under one id, as one that was collected again after a kill.
    expect(await sourceDays.again(one?.sourceId ?? '', day, '2020-05-22')).toBe(1);
    expect(await sourceDays.again('other', day, '2020-05-22')).toBe(0);
  });

  it('read that day alone', async () => {
    const plan = await rowsOf(
      open.database,
      `SELECT explain FROM (EXPLAIN indexes = 1 SELECT count() FROM traffic_origins WHERE day = toDate('${day}') GROUP BY sourceId)`,
    );
    expect(plan.map(({ explain }) => String(explain)).join('\n')).toMatch(/Min-Max[\s\S]*?Parts: 2\/6/);
  });
});

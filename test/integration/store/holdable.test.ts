import { afterAll, beforeAll, expect, it } from 'vitest';
import { createHeldTraffic, defaultRetention } from '#shared/store';
import { delivery, type OpenStore, openTemporaryStore, rowsOf } from './helpers.ts';

const orderId = '0193a4b2-7c00-7000-8000-000000000001';
let open: OpenStore;
beforeAll(async () => {
  open = await openTemporaryStore();
  // By the real clock these have expired long ago: the engine would drop them with its next merge.
  await open.database.command('SYSTEM STOP TTL MERGES traffic');
  await open.store.insertEvents(
    ['2020-01-10T00:00:00.000Z', '2020-02-10T00:00:00.000Z'].map((collectedAt, n) =>
      delivery(n, { collectedAt }),
    ),
    { deduplicationToken: 'expired' },
  );
});
afterAll(() => open.remove());

it('what can be copied is what is retained, and what expired while the oldest hold was in force, by the real clock', async () => {
  const held = createHeldTraffic(open.database, { database: 'default', retention: defaultRetention });
  const shown = async (): Promise<unknown> =>
    (await rowsOf(open.database, 'SELECT count() AS n FROM traffic_holdable'))[0]?.n;
  expect(await shown()).toBe(0);
  const since = Date.parse('2020-07-31T00:00:00.000Z');
  await held.setTimes({ orderId, since, until: Date.parse('2096-01-01T00:00:00.000Z') });
  expect(await shown()).toBe(1);
  await held.setTimes({ orderId, since, until: since });
  expect(await shown()).toBe(0);
});

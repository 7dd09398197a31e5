import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventInScope, type Scope } from '#shared/orders';
import { createHeldTraffic, defaultRetention, type HeldSource, type HeldTraffic } from '#shared/store';
import { projectToCategories, type TrafficEvent } from '#shared/traffic';
import { linesReleased } from '../../support/released-lines.ts';
import * as arbitrary from './arbitraries.ts';
import { aliceScope, delivery, type OpenStore, openTemporaryStore, rowsOf } from './helpers.ts';

const orders = ['0193a4b2-7c00-7000-8000-000000000001', '0193a4b2-7c00-7000-8000-000000000002'] as const;
const [own, other] = orders;
const now = arbitrary.start + 10_000;
const until = new Date(now).toISOString();
const hold: HeldSource = { orderId: own, until };
const byTimeThenId = (a: TrafficEvent, b: TrafficEvent): number =>
  a.occurredAt === b.occurredAt ? (a.eventId < b.eventId ? -1 : 1) : a.occurredAt < b.occurredAt ? -1 : 1;

describe('what orders hold', () => {
  let open: OpenStore;
  let held: HeldTraffic;
  let inserts = 0;
  beforeAll(async () => {
    open = await openTemporaryStore();
    held = createHeldTraffic(open.database, { database: 'default', retention: defaultRetention });
    for (const orderId of orders) await held.setTimes({ orderId, since: now, until: now });
  });
  afterAll(() => open.remove());
  beforeEach(async () => {
    await open.clear();
    for (const orderId of orders) await held.drop(orderId);
  });

  const insert = (events: readonly TrafficEvent[]): Promise<void> =>
    open.store.insertEvents(events, { deduplicationToken: `held-${++inserts}` });
  const copy = (orderId: string, scope: Scope, byIndex = true, since = now): Promise<void> =>
    held.copy({ orderId, since }, scope, { byIndex });
  async function released(scope: Scope, holds: readonly HeldSource[], at = now): Promise<string[]> {
    const slices = { rows: 40, slots: 5 };
    const lines = await linesReleased(open.store.readReleased(scope, { now: at, holds, slices }), scope);
    return lines.map((line) => line.trimEnd());
  }
  const recordsOf = async (orderId: string): Promise<number> =>
    (await held.list()).find((amount) => amount.orderId === orderId)?.records ?? 0;

  it('is read besides the traffic: what the scope of the order and that of the request have, each once, in order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(arbitrary.event, { selector: (e) => e.eventId, minLength: 60, maxLength: 100 }),
        arbitrary.scope,
        arbitrary.scope,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.boolean(),
        async (events, kept, asked, share, byIndex) => {
          await open.clear();
          await held.drop(own);
          const gone = events.slice(0, Math.floor(events.length * share));
          await insert(events);
          await copy(own, kept, byIndex);
          // As after days that were removed; and some is in both.
          const ids = gone.map(({ eventId }) => `'${eventId}'`).join(', ');
          if (gone.length > 0) {
            await open.database.command(
              `ALTER TABLE traffic DELETE WHERE lower(hex(eventId)) IN (${ids}) SETTINGS mutations_sync = 1`,
            );
          }
          const expected = events
            .filter((event) => !gone.includes(event) || eventInScope(event, kept))
            .filter((event) => eventInScope(event, asked))
            .sort(byTimeThenId);
          expect(await released(asked, [hold])).toEqual(
            expected.map((event) => JSON.stringify(projectToCategories(event, asked.categories))),
          );
          const counts = await open.store.countScope(asked, { now, holds: [hold] });
          expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(expected.length);
        },
      ),
      { numRuns: 12, endOnFailure: true },
    );
  });

  it('is copied once, however often and wherever the copy was cut off, also what stands twice in the traffic', async () => {
    const events = Array.from({ length: 200 }, (_, n) => delivery(n));
    await insert(events);
    await insert(events.slice(0, 50));
    // As after a kill: a part of it is there.
    await copy(own, aliceScope);
    await open.database.command(
      'ALTER TABLE held_traffic DELETE WHERE cityHash64(eventId) % 3 = 0 SETTINGS mutations_sync = 1',
    );
    expect(await recordsOf(own)).toBeLessThan(200);
    for (let n = 0; n < 3; n++) await copy(own, aliceScope, n % 2 === 0);
    expect(await recordsOf(own)).toBe(200);
    const [row] = await rowsOf(
      open.database,
      'SELECT count() AS n, uniqExact(eventId) AS events FROM held_traffic',
    );
    expect(row).toEqual({ n: 200, events: 200 });
  });

  it('is read by none but who is given its hold, and not a millisecond after its end', async () => {
    await insert([delivery(1)]);
    await copy(own, aliceScope);
    await open.clear();
    expect(await released(aliceScope, [hold])).toHaveLength(1);
    expect(await released(aliceScope, [])).toEqual([]);
    expect(await released(aliceScope, [{ orderId: other, until }])).toEqual([]);
    expect(await released(aliceScope, [hold], now + 1)).toEqual([]);
    expect(await open.store.countScope(aliceScope, { now: now + 1, holds: [hold] })).toEqual({});
    expect(await open.store.dataWindow(now, [hold])).toMatchObject({
      firstOccurredAt: delivery(1).occurredAt,
    });
    expect(await open.store.dataWindow(now)).toBeNull();
  });

  it('is hidden by the view from the end that the store was told, by the real clock, whatever clock its reader has', async () => {
    await insert([delivery(1)]);
    await copy(own, aliceScope);
    await open.clear();
    await held.setTimes({ orderId: own, since: now, until: Date.now() + 700 });
    expect(await released(aliceScope, [hold])).toHaveLength(1);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(await released(aliceScope, [hold])).toEqual([]);
    expect(await recordsOf(own)).toBe(1);
    await held.setTimes({ orderId: own, since: now, until: now });
  });

  it('has nothing that had expired when it began, to the millisecond', async () => {
    const collectedAt = '2096-06-01T10:00:01.000Z';
    await insert([delivery(1, { collectedAt })]);
    const end = Date.parse('2096-12-01T10:00:01.000Z');
    await copy(own, aliceScope, true, end);
    expect(await recordsOf(own)).toBe(0);
    await copy(own, aliceScope, true, end - 1);
    expect(await recordsOf(own)).toBe(1);
  });

  it('goes as a whole, with what was detached, and leaves what others hold', async () => {
    await insert([delivery(1), delivery(2)]);
    for (const orderId of orders) await copy(orderId, aliceScope);
    await open.database.command(`ALTER TABLE held_traffic DETACH PARTITION '${own}'`);
    expect((await held.list()).map(({ orderId, records }) => [orderId, records])).toEqual(
      expect.arrayContaining([
        [own, 0],
        [other, 2],
      ]),
    );
    await held.drop(own);
    expect((await held.list()).map(({ orderId, records }) => [orderId, records])).toEqual([[other, 2]]);
    await held.drop(own);
  });
});

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventInScope } from '#shared/orders';
import type { TrafficEvent } from '#shared/traffic';
import * as arbitrary from './arbitraries.ts';
import { type OpenStore, openTemporaryStore, readAll } from './helpers.ts';

const now = arbitrary.start + 10_000;
const byTimeThenId = (a: TrafficEvent, b: TrafficEvent): number =>
  a.occurredAt === b.occurredAt ? (a.eventId < b.eventId ? -1 : 1) : a.occurredAt < b.occurredAt ? -1 : 1;

describe('what a scope reads from the store', () => {
  let open: OpenStore;
  beforeAll(async () => {
    open = await openTemporaryStore();
  });
  afterAll(() => open.remove());

  it('is what the rule in shared/orders says, in the order of time, whatever the events and targets', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(arbitrary.event, { selector: (e) => e.eventId, minLength: 60, maxLength: 120 }),
        fc.array(arbitrary.scope, { minLength: 4, maxLength: 8 }),
        async (events, scopes) => {
          await open.clear();
          run += 1;
          await open.store.insertEvents(events, { deduplicationToken: `scope-${run}` });
          // Either index alone tells where to look: that of days, where the week is not there.
          const gone = run % 2 === 0 ? 'traffic_index' : 'traffic_index_days';
          await open.database.command(`TRUNCATE TABLE ${gone}`);
          for (const scope of scopes) {
            const expected = events.filter((event) => eventInScope(event, scope)).sort(byTimeThenId);
            expect(await readAll(open.store, scope, now)).toEqual(expected);
            const counts = await open.store.countScope(scope, { now });
            for (const type of new Set(expected.map((event) => event.type))) {
              expect(counts[type]).toBe(expected.filter((event) => event.type === type).length);
            }
            expect(Object.values(counts).reduce((sum, n) => sum + n, 0)).toBe(expected.length);
          }
        },
      ),
      { numRuns: 25, endOnFailure: true }, // shrinking would insert for minutes
    );
  });

  it('has each event once, the copy that was collected first, however often it was inserted', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(arbitrary.event, { selector: (e) => e.eventId, minLength: 5, maxLength: 20 }),
        fc.shuffledSubarray([0, 1, 1000, 4000], { minLength: 2 }).filter((delays) => delays.includes(0)),
        fc.uuid(),
        async (events, delays, id) => {
          await open.clear();
          const later = (delay: number) =>
            events.map((event) => ({
              ...event,
              collectedAt: new Date(Date.parse(event.collectedAt) + delay).toISOString(),
            }));
          for (const [index, delay] of delays.entries()) {
            await open.store.insertEvents(later(delay), { deduplicationToken: `${id}-${index}` });
          }
          const everything = {
            targets: [...new Set(events.map((event) => event.senderUser))].flatMap((value) =>
              value === undefined ? [] : [{ kind: 'user' as const, value }],
            ),
            from: '2000-01-01T00:00:00.000Z',
            to: '2100-01-01T00:00:00.000Z',
            categories: ['service' as const],
            collectedUpTo: '2100-01-01T00:00:00.000Z',
          };
          const expected = events.filter((event) => eventInScope(event, everything)).sort(byTimeThenId);
          expect(await readAll(open.store, everything, now)).toEqual(expected);
        },
      ),
      { numRuns: 10, endOnFailure: true },
    );
  });
});

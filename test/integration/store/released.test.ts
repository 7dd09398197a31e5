import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventInScope, type Scope } from '#shared/orders';
import { projectToCategories, type TrafficEvent } from '#shared/traffic';
import { linesReleased } from '../../support/released-lines.ts';
import * as arbitrary from './arbitraries.ts';
import { aliceScope, delivery, type OpenStore, openTemporaryStore, readAll, rowsOf } from './helpers.ts';

const now = arbitrary.start + 10_000;
const byTimeThenId = (a: TrafficEvent, b: TrafficEvent): number =>
  a.occurredAt === b.occurredAt ? (a.eventId < b.eventId ? -1 : 1) : a.occurredAt < b.occurredAt ? -1 : 1;

describe('what a scope releases', () => {
  let open: OpenStore;
  beforeAll(async () => {
    open = await openTemporaryStore();
  });
  afterAll(() => open.remove());

  /** The text of all lines that leave. */
  async function released(scope: Scope, slices: { rows: number; slots: number }, at = now): Promise<string> {
    return (await linesReleased(open.store.readReleased(scope, { now: at, slices }), scope)).join('');
  }

  const atSecond = (second: number) => ({
    occurredAt: new Date(arbitrary.start + second * 1000).toISOString(),
  });

  /** Besides the one that asks. */
  async function queriesAtWork(): Promise<number> {
    const [row] = await rowsOf(open.database, 'SELECT toUInt32(count()) AS queries FROM system.processes');
    return Number(row?.queries) - 1;
  }

  it('is what projecting the events in scope gives, byte for byte and in order, in slices of any size', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(arbitrary.event, { selector: (e) => e.eventId, minLength: 60, maxLength: 120 }),
        fc.array(arbitrary.scope, { minLength: 3, maxLength: 4 }),
        fc.record({ rows: fc.integer({ min: 15, max: 200 }), slots: fc.integer({ min: 2, max: 9 }) }),
        async (events, scopes, slices) => {
          await open.clear();
          run += 1;
          await open.store.insertEvents(events, { deduplicationToken: `released-${run}` });
          for (const scope of scopes) {
            const expected = events
              .filter((event) => eventInScope(event, scope))
              .sort(byTimeThenId)
              .map((event) => `${JSON.stringify(projectToCategories(event, scope.categories))}\n`);
            expect(await released(scope, slices)).toBe(expected.join(''));
          }
        },
      ),
      { numRuns: 8, endOnFailure: true },
    );
  });

  it('is the same sequence each time, whatever was inserted in between out of its reach', async () => {
    await open.clear();
    const at = (ordinal: number): Partial<TrafficEvent> => ({
      occurredAt: new Date(arbitrary.start + (ordinal % 50)).toISOString(),
    });
    const events = Array.from({ length: 3000 }, (_, ordinal) => delivery(ordinal, at(ordinal)));
    await open.store.insertEvents(events.slice(0, 1500), { deduplicationToken: 'first' });
    await open.store.insertEvents(events.slice(1000), { deduplicationToken: 'second' });
    const later = Date.parse('2096-06-02T00:00:00.000Z');
    const scope = {
      ...aliceScope,
      from: '2096-06-01T00:00:00.000Z',
      to: '2096-06-01T00:01:00.000Z',
      collectedUpTo: '2096-06-01T10:00:01.000Z',
    };
    const before = await released(scope, { rows: 900, slots: 64 }, later);
    await open.store.insertEvents([delivery(5000, { ...at(7), collectedAt: '2096-06-01T10:00:01.001Z' })], {
      deduplicationToken: 'third',
    });
    expect(await released(scope, { rows: 300, slots: 100 }, later)).toBe(before);
    expect(before.split('\n')).toHaveLength(3001);
  });

  it('leaves no query at work where its reader leaves, also not that of the next slice', async () => {
    await open.clear();
    const at = Date.parse('2096-06-02T00:00:00.000Z');
    const events = Array.from({ length: 300 }, (_, ordinal) => delivery(ordinal, atSecond(ordinal % 60)));
    await open.store.insertEvents(events, { deduplicationToken: 'left' });
    const window = { from: '2096-06-01T00:00:00.000Z', to: '2096-06-01T00:01:00.000Z' };
    const slices = { rows: 50, slots: 60 };
    for await (const { bytes } of open.store.readReleased(
      { ...aliceScope, ...window },
      { now: at, slices },
    )) {
      expect(Buffer.from(bytes).toString().split('\n').length).toBeLessThan(300);
      expect(await queriesAtWork()).toBeGreaterThan(0);
      break;
    }
    expect(await queriesAtWork()).toBe(0);
  });

  it('has each event once, the copy of the earliest time, wherever its other copies lie', async () => {
    await open.clear();
    const times = [0, 7, 40, 59];
    const copies = times.map((second) =>
      Array.from({ length: 120 }, (_, ordinal) =>
        delivery(ordinal, { occurredAt: new Date(arbitrary.start + second * 1000 + ordinal).toISOString() }),
      ).filter((_, ordinal) => ordinal % times.length !== second % times.length),
    );
    for (const [index, events] of copies.entries()) {
      await open.store.insertEvents(events, { deduplicationToken: `copies-${index}` });
    }
    const window = { from: '2096-06-01T00:00:00.000Z', to: '2096-06-01T00:01:00.000Z' };
    const scope = { ...aliceScope, ...window };
    const at = Date.parse('2096-06-02T00:00:00.000Z');
    const once = (await readAll(open.store, scope, at)).map(({ eventId }) => eventId);
    expect(new Set(once).size).toBe(120);
    expect(once).toHaveLength(120);
    const lines = (await released(scope, { rows: 50, slots: 30 }, at)).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).eventId)).toEqual(once);
  });

  it('is refused where a row is no valid event: nothing unproven leaves', async () => {
    await open.clear();
    await open.store.insertEvents([delivery(1)], { deduplicationToken: 'valid' });
    await open.database.command(`INSERT INTO traffic (eventIdHex, schemaVersion, type, occurredAt, collectedAt,
      host, software, service, recipientAddress, correlation, sourceId, sourcePosition)
      SELECT lower(hex(reverse(eventId))), 1, type, occurredAt + 1, collectedAt, host, software, 'gopher',
      recipientAddress, correlation, sourceId, sourcePosition FROM traffic`);
    const at = Date.parse('2096-06-02T00:00:00.000Z');
    await expect(released(aliceScope, { rows: 10, slots: 10 }, at)).rejects.toMatchObject({
      code: 'package.record_invalid',
      message: expect.not.stringContaining('alice'),
    });
  });
});

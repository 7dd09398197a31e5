import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultRetention, type StorableEvent } from '#shared/store';
import { createFastPath } from '../../../services/ingester/fast-path.ts';
import { parseRecord } from '../../../services/ingester/parse.ts';
import { eventFromRow, selectList } from '../../../shared/store/columns.ts';
import { type OpenStore, openTemporaryStore, rowsOf } from '../../integration/store/helpers.ts';
import {
  anyEvent,
  canonical,
  damagedRecord,
  fields,
  memberValues,
  now,
  withMember,
} from './fast-path-records.ts';

const fast = createFastPath(now);

describe('rows of the fast path, in the real engine', () => {
  let open: OpenStore;
  let inserts = 0;
  beforeAll(async () => {
    open = await openTemporaryStore();
  }, 120_000);
  afterAll(() => open.remove());

  /** Every row, as the engine compares them and as readers get them. */
  async function storedBy(events: readonly StorableEvent[]) {
    await open.clear();
    await open.store.insertEvents(events, { deduplicationToken: `fast-path-${inserts++}` });
    const rows = await rowsOf(
      open.database,
      `SELECT toString(tuple(t.*)) AS whole, ${selectList} FROM traffic_retained AS t ORDER BY whole`,
    );
    return {
      rows: rows.map(({ whole }) => whole),
      events: rows.map((row) => JSON.stringify(eventFromRow(row))).sort(),
    };
  }

  /** Holds the rows of records that the fast path takes against those of the slow path. */
  async function expectSameRows(records: readonly Buffer[]): Promise<number> {
    const taken = records.flatMap((record) => fast(record) ?? []);
    if (taken.length === 0) return 0;
    const parsed = taken.map((record) => {
      const result = parseRecord(record, now, defaultRetention);
      if (!result.ok) throw new Error(result.reason);
      return result.event;
    });
    const slow = await storedBy(parsed);
    expect(slow.events).toEqual(parsed.map((event) => JSON.stringify(event)).sort());
    expect(await storedBy(taken)).toEqual(slow);
    // Both kinds in one insert, as a batch has them.
    expect(await storedBy(taken.map((bytes, i) => (i % 2 === 0 ? bytes : (parsed[i] ?? bytes))))).toEqual(
      slow,
    );
    return taken.length;
  }

  it('are those of the slow path for any event', async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(anyEvent, { minLength: 100, maxLength: 200 }), async (events) => {
        compared += await expectSameRows(events.map(canonical));
      }),
      { numRuns: 5, endOnFailure: true },
    );
    expect(compared).toBeGreaterThan(20);
  }, 240_000);

  it('are those of the slow path for every value at the edge of a field', async () => {
    const records = fields.flatMap((field) => memberValues.map((json) => withMember(field, json)));
    expect(await expectSameRows(records)).toBeGreaterThan(1000);
  }, 240_000);

  it('are those of the slow path for damaged records that are events still', async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(damagedRecord, { minLength: 400, maxLength: 500 }), async (records) => {
        compared += await expectSameRows(records);
      }),
      { numRuns: 5, endOnFailure: true },
    );
    expect(compared).toBeGreaterThan(20);
  }, 240_000);
});

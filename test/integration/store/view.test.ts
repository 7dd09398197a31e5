import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aliceScope, delivery, type OpenStore, openTemporaryStore } from './helpers.ts';

const now = Date.parse('2096-06-20T00:00:00.000Z');
const day = 86_400_000;
const first = Date.parse('2096-06-01T00:00:00.000Z');

describe('the view that everything is read through', () => {
  let open: OpenStore;
  beforeAll(async () => {
    open = await openTemporaryStore();
    for (let i = 0; i < 10; i++) {
      const at = new Date(first + i * day).toISOString();
      const events = Array.from({ length: 20 }, (_, n) =>
        delivery(i * 100 + n, { collectedAt: at, occurredAt: at }),
      );
      await open.store.insertEvents(events, { deduplicationToken: `day-${i}` });
    }
  });
  afterAll(() => open.remove());

  async function planOf(scope: typeof aliceScope): Promise<string> {
    const { text, parameters } = open.store.readScope(scope, { now }).query;
    const lines: string[] = [];
    const plan = { text: `SELECT explain FROM (EXPLAIN indexes = 1, actions = 1 ${text})`, parameters };
    for await (const rows of open.database.rows(plan)) {
      lines.push(...rows.map((row) => String((row as { explain: string }).explain).trim()));
    }
    return lines.join('\n');
  }

  it('leaves the engine what it needs to read in order, and only the days and rows asked for', async () => {
    const plan = await planOf({
      ...aliceScope,
      from: new Date(first + 3 * day).toISOString(),
      to: new Date(first + 4 * day).toISOString(),
      collectedUpTo: new Date(first + 5 * day).toISOString(),
    });
    expect(plan).toMatch(/Read type: InOrder/);
    expect(plan).not.toMatch(/Sorting \(Sorting for ORDER BY\)[^├└]*Sort description/);
    // Days for which the index has nothing are left out by the partition, minutes by the primary key.
    expect(plan).toMatch(/Min-Max[\s\S]*?Parts: 2\/10/);
    expect(plan).toMatch(/PrimaryKey[\s\S]*?Parts: 1\/2/);
  });

  it('is not the table: what the text of a query names is the view', () => {
    const { query } = open.store.readScope(aliceScope, { now });
    expect(query.text).toMatch(/\bFROM traffic_retained AS t\n/);
    expect(query.text).not.toMatch(/\btraffic\b/);
  });
});

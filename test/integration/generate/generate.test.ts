import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseStream } from '#services/collector';
import { type TrafficEvent, trafficEventSchema } from '#shared/traffic';
import { eventFromRow, selectList } from '../../../shared/store/columns.ts';
import { fillTable } from '../../bench/generate/fill.ts';
import { logOf } from '../../bench/generate/lines.ts';
import type { TrafficPlan } from '../../bench/generate/plan.ts';
import { type OpenStore, openTemporaryStore } from '../store/helpers.ts';

const plan: TrafficPlan = { events: 3_000, days: 1, start: Date.UTC(2096, 5, 1), seed: 7 };

describe('generated traffic', () => {
  let open: OpenStore;
  beforeAll(async () => {
    open = await openTemporaryStore();
  });
  afterAll(() => open.remove());

  async function generated(of: TrafficPlan): Promise<TrafficEvent[]> {
    await open.clear();
    await fillTable(open.database, 'traffic', of);
    const events: TrafficEvent[] = [];
    const query = { text: `SELECT ${selectList} FROM traffic_retained AS t`, parameters: {} };
    for await (const rows of open.database.rows(query)) events.push(...rows.map(eventFromRow));
    return events;
  }

  it('is what the collector makes of its log lines', async () => {
    const events = await generated(plan);
    expect(events.length).toBeGreaterThan(2_000);
    for (const event of events) trafficEventSchema.parse(event);
    expect(new Set(events.map(({ eventId }) => eventId)).size).toBe(events.length);
    const log = Readable.from(logOf(open.database, plan));
    const parsed = parseStream('auto', log, { clock: { now: () => plan.start }, format: 'auto' });
    const collected: TrafficEvent[] = [];
    for await (const event of parsed.events) collected.push(event);
    expect(parsed.summary()).toMatchObject({ notUnderstood: {} });
    expect(facts(collected)).toEqual(facts(events));
  });

  it('is the same for the same seed and another for another', async () => {
    const first = (await generated(plan)).map((event) => JSON.stringify(event)).sort();
    const again = (await generated(plan)).map((event) => JSON.stringify(event)).sort();
    const other = (await generated({ ...plan, seed: 8 })).map((event) => JSON.stringify(event));
    expect(again).toEqual(first);
    expect(other.filter((event) => first.includes(event))).toEqual([]);
  });
});

/** Events without what the collector adds of itself, in an order that does not depend on who made them. */
function facts(events: readonly TrafficEvent[]): string[] {
  return events
    .map(({ eventId: _, collectedAt: __, sourceId: ___, sourcePosition: ____, ...event }) =>
      JSON.stringify(Object.fromEntries(Object.entries(event).sort(([a], [b]) => (a < b ? -1 : 1)))),
    )
    .sort();
}

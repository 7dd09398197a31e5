import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createIngester, type Ingester, maxRecordBytes } from '#services/ingester';
import { type Bus, createEmbeddedBus, topics } from '#shared/bus';
import { createLogger } from '#shared/runtime';
import { StoreError, type TrafficStore } from '#shared/store';
import type { TrafficEvent } from '#shared/traffic';
import {
  aliceScope,
  delivery,
  type OpenStore,
  openTemporaryStore,
  readAll,
  rowsOf,
} from '../store/helpers.ts';

const now = Date.parse('2026-06-02T00:00:00.000Z');
const bounds = { maxRecords: 1000, maxBytes: 1_000_000, maxWaitMs: 2 };
const retry = { firstDelayMs: 1, maxDelayMs: 4, maxAttempts: 5 };

const json = (value: unknown) => ({ key: 'k', value: Buffer.from(JSON.stringify(value)) });
const raw = (text: string | Buffer) => ({ key: 'k', value: Buffer.from(text) });

describe('the ingester', () => {
  let open: OpenStore;
  let bus: Bus;
  let log: string[];

  beforeEach(async () => {
    open = await openTemporaryStore();
    bus = createEmbeddedBus();
    log = [];
  });
  afterEach(async () => {
    await bus.close();
    await open.remove();
  });

  async function start(store: TrafficStore = open.store): Promise<Ingester> {
    const logger = createLogger('ingester', (line) => log.push(line));
    const ingester = createIngester({ bus, store, clock: { now: () => now }, logger, bounds, retry });
    await ingester.start();
    return ingester;
  }

  it('has every acknowledged event in the store, as it was published', async () => {
    const ingester = await start();
    const events = Array.from({ length: 50 }, (_, i) => delivery(i, { sizeOctets: i, tls: i % 2 === 0 }));
    await Promise.all(events.map((event) => bus.publish(topics.traffic, [json(event)])));
    const stored = await readAll(open.store, aliceScope, now);
    expect(new Set(stored.map((e) => JSON.stringify(e)))).toEqual(
      new Set(events.map((e) => JSON.stringify(sortedLike(stored[0], e)))),
    );
    expect(ingester.stats()).toMatchObject({ inserted: 50, rejected: {} });
  });

  it('keeps what is no event apart, with its reason and place, and stores the rest', async () => {
    const ingester = await start();
    const good = delivery(1);
    await bus.publish(topics.traffic, [
      json(good),
      raw('{"schemaVersion":1,'),
      raw('[1,2]'),
      raw('{"a":1,"a":2}'),
      raw(Buffer.from([0x7b, 0xff, 0x7d])),
      raw(' '.repeat(maxRecordBytes + 1)),
      json({ ...delivery(2), schemaVersion: 2 }),
      json({ ...delivery(3), subject: 'planted-secret' }),
      json({ ...delivery(4), occurredAt: '9999-01-01T00:00:00.000Z' }),
      json({ ...delivery(5), collectedAt: '2099-01-01T00:00:00.000Z' }),
      json({ ...delivery(6), collectedAt: '2025-12-02T00:00:00.000Z' }),
      raw(JSON.stringify({ ...delivery(7), senderUser: 'x' }).replace('"x"', '"\\ud800"')),
      json({ ...delivery(8), collectedAt: '2025-12-02T00:00:00.001Z' }),
    ]);
    expect(await readAll(open.store, aliceScope, now)).toHaveLength(2);
    expect(ingester.stats()).toEqual({
      batches: 1,
      inserted: 2,
      retries: 0,
      rejected: {
        'record.malformed': 1,
        'schema.invalid': 2,
        'record.duplicate_member': 1,
        'record.not_utf8': 1,
        'record.too_large': 1,
        'schema.version': 1,
        'time.out_of_range': 1,
        'time.collected_in_future': 1,
        'retention.expired': 1,
        'text.not_well_formed': 1,
      },
    });
    const rows = await rowsOf(
      open.database,
      'SELECT reason, coordinates, value, valueBytes FROM rejected ORDER BY coordinates',
    );
    expect(rows).toHaveLength(11);
    expect(rows.find(({ reason }) => reason === 'record.malformed')).toMatchObject({
      value: '{"schemaVersion":1,',
      coordinates: expect.stringMatching(/^mail\.traffic\.v1\/.+\/1$/),
    });
    expect(rows.find(({ reason }) => reason === 'record.too_large')).toMatchObject({
      valueBytes: maxRecordBytes + 1,
    });
    expect(log.join('')).not.toContain('planted-secret');
    expect(log.join('')).not.toContain('alice');
  });

  it('keeps even a record of the topic of rejects that is none', async () => {
    await start();
    await bus.publish(topics.rejected, [raw('no reject')]);
    expect(await rowsOf(open.database, 'SELECT reason, value FROM rejected')).toEqual([
      { reason: 'reject.malformed', value: 'no reject' },
    ]);
  });

  it('repeats an insert that may succeed later, with the same token, so that a lost answer counts once', async () => {
    const tokens: string[] = [];
    const flaky: TrafficStore = {
      ...open.store,
      async insertEvents(events, options) {
        tokens.push(options.deduplicationToken);
        await open.store.insertEvents(events, options);
        if (tokens.length < 4) throw new StoreError('store.unavailable', 'the answer was lost');
      },
    };
    const ingester = await start(flaky);
    await bus.publish(topics.traffic, [json(delivery(1))]);
    expect(tokens).toHaveLength(4);
    expect(new Set(tokens).size).toBe(1);
    expect(await rowsOf(open.database, 'SELECT count() AS n FROM traffic')).toEqual([{ n: 1 }]);
    expect(ingester.stats()).toMatchObject({ inserted: 1, retries: 3 });
  });

  it.each([
    ['store.refused', 1],
    ['store.unavailable', retry.maxAttempts],
  ] as const)('does not acknowledge a batch whose insert ends in %s', async (code, attempts) => {
    let tries = 0;
    const broken: TrafficStore = {
      ...open.store,
      insertEvents: () => {
        tries += 1;
        return Promise.reject(new StoreError(code, 'no'));
      },
    };
    const ingester = await start(broken);
    await expect(bus.publish(topics.traffic, [json(delivery(1))])).rejects.toMatchObject({
      code: 'bus.not_handled',
    });
    expect(tries).toBe(attempts);
    expect(ingester.stats()).toMatchObject({ batches: 0, inserted: 0 });
  });

  it('does not acknowledge a batch whose rejects are not recorded, nor store its events first', async () => {
    const calls: string[] = [];
    const broken: TrafficStore = {
      ...open.store,
      insertEvents: async () => void calls.push('events'),
      insertRejected: async () => {
        calls.push('rejects');
        throw new StoreError('store.refused', 'no');
      },
    };
    await start(broken);
    await expect(bus.publish(topics.traffic, [json(delivery(1)), raw('x')])).rejects.toMatchObject({
      code: 'bus.not_handled',
    });
    expect(calls).toEqual(['rejects']);
  });
});

/** The second event with its members in the order of the first. */
function sortedLike(first: TrafficEvent | undefined, event: TrafficEvent): object {
  const names = Object.keys(first ?? {}) as (keyof TrafficEvent)[];
  return Object.fromEntries(
    names.filter((name) => event[name] !== undefined).map((name) => [name, event[name]]),
  );
}

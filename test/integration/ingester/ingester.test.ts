import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createIngester, defaultRejectCeiling, type Ingester, maxRecordBytes } from '#services/ingester';
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

const now = Date.parse('2096-06-02T00:00:00.000Z');
const bounds = { maxRecords: 1000, maxBytes: 1_000_000, maxWaitMs: 2 };
const retry = { firstDelayMs: 1, maxDelayMs: 4 };

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

  async function start(store = open.store, ceiling = defaultRejectCeiling): Promise<Ingester> {
    const logger = createLogger('ingester', (line) => log.push(line));
    const clock = { now: () => now };
    const ingester = createIngester({ bus, store, clock, logger, bounds, retry, ceiling });
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
      json({ ...delivery(6), collectedAt: '2095-12-02T00:00:00.000Z' }),
      raw(JSON.stringify({ ...delivery(7), senderUser: 'x' }).replace('"x"', '"\\ud800"')),
      json({ ...delivery(8), collectedAt: '2095-12-02T00:00:00.001Z' }),
    ]);
    expect(await readAll(open.store, aliceScope, now)).toHaveLength(2);
    expect(ingester.stats()).toEqual({
      batches: 1,
      inserted: 2,
      retries: 0,
      waiting: null,
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

  it('repeats an insert that may succeed later, with the same token, and shows it once however often it was applied', async () => {
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
    expect(await readAll(open.store, aliceScope, now)).toEqual([delivery(1)]);
    expect(ingester.stats()).toMatchObject({ inserted: 1, retries: 3 });
  });

  it('ends at what the store refuses for good, and acknowledges nothing from then on', async () => {
    let tries = 0;
    const broken: TrafficStore = {
      ...open.store,
      insertEvents: () => {
        tries += 1;
        return Promise.reject(new StoreError('store.refused', 'no', '497'));
      },
    };
    const ingester = await start(broken);
    for (const ordinal of [1, 2]) {
      await expect(bus.publish(topics.traffic, [json(delivery(ordinal))])).rejects.toMatchObject({
        code: 'bus.not_handled',
      });
    }
    expect(await ingester.failed).toMatchObject({
      code: 'ingester.store_refused',
      reason: 'store.refused 497',
    });
    expect(tries).toBe(1);
    expect(ingester.stats()).toMatchObject({ batches: 0, inserted: 0, waiting: null });
  });

  it('ends at a fault of its own instead of trying it for ever, and says nothing of the record', async () => {
    const broken: TrafficStore = {
      ...open.store,
      insertEvents: () => Promise.reject(new TypeError('alice@example.nl is not a function')),
    };
    const ingester = await start(broken);
    await expect(bus.publish(topics.traffic, [json(delivery(1))])).rejects.toThrow();
    expect(await ingester.failed).toMatchObject({ code: 'ingester.fault' });
    expect(`${(await ingester.failed).message} ${log.join('')}`).not.toContain('alice');
  });

  it('waits for a store that is away as long as it takes, ever less often, and gives the batch back on close', async () => {
    let tries = 0;
    const away: TrafficStore = {
      ...open.store,
      insertEvents: () => {
        tries += 1;
        return Promise.reject(new StoreError('store.unavailable', 'no', 'ECONNREFUSED'));
      },
    };
    const ingester = await start(away);
    const published = bus.publish(topics.traffic, [json(delivery(1))]);
    const refused = expect(published).rejects.toMatchObject({ code: 'bus.not_handled' });
    await vi.waitFor(() => expect(tries).toBeGreaterThan(50), 20_000);
    expect(ingester.stats().waiting).toMatchObject({ reason: 'store.unavailable ECONNREFUSED' });
    const delays = log.flatMap((line) => /"delayMs":(\d+)/.exec(line)?.[1] ?? []);
    expect(delays.slice(0, 5)).toEqual(['1', '2', '4', '4', '4']);

    await bus.close();
    await refused;
    expect(ingester.stats()).toMatchObject({ batches: 0, waiting: null });
    const pending = Symbol('pending');
    expect(await Promise.race([ingester.failed, pending])).toBe(pending);
  });

  describe('with a ceiling on rejects', () => {
    const ceiling = { rejects: 10, share: 0.2, window: 100 };
    const poison = (count: number) => Array.from({ length: count }, () => raw('no event'));
    const good = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => json(delivery(from + i)));

    it('stops rather than putting everything apart, before the rejects of that batch are published', async () => {
      const ingester = await start(open.store, ceiling);
      await bus.publish(topics.traffic, [...good(0, 2), ...poison(10)]);
      await expect(bus.publish(topics.traffic, [...good(2, 1), ...poison(3)])).rejects.toMatchObject({
        code: 'bus.not_handled',
      });
      expect(await ingester.failed).toMatchObject({
        code: 'ingester.too_many_rejects',
        reason: 'record.malformed',
      });
      await expect(bus.publish(topics.traffic, good(3, 1))).rejects.toThrow();
      expect(await rowsOf(open.database, 'SELECT count() AS n FROM rejected')).toEqual([{ n: 10 }]);
      expect(await rowsOf(open.database, 'SELECT count() AS n FROM traffic')).toEqual([{ n: 2 }]);
      expect(log.join('')).toContain('ingester.too_many_rejects');
    });

    it('is not stopped by a few in a small topic, nor by many among more', async () => {
      const ingester = await start(open.store, ceiling);
      await bus.publish(topics.traffic, poison(10));
      for (let from = 0; from < 1000; from += 100) {
        await bus.publish(topics.traffic, [...good(from, 80), ...(from > 0 ? poison(20) : [])]);
      }
      expect(ingester.stats()).toMatchObject({ inserted: 800, rejected: { 'record.malformed': 190 } });
    });
  });

  it('does not acknowledge a batch whose rejects are not recorded, nor store its events first', async () => {
    const calls: string[] = [];
    const broken: TrafficStore = {
      ...open.store,
      insertEvents: async () => void calls.push('events'),
      insertRejected: async () => {
        calls.push('rejects');
        throw new StoreError('store.refused', 'no', '497');
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

import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  createMigrations,
  createTrafficStore,
  type Database,
  defaultRetention,
  loadMigrations,
  type TrafficStore,
} from '#shared/store';
import { projectToCategories, recognizeCanonical, trafficEventSchema } from '#shared/traffic';
import { aliceScope, delivery, readAll, rowsOf } from '../../integration/store/helpers.ts';
import { linesReleased } from '../../support/released-lines.ts';

const now = Date.parse('2096-06-02T00:00:00.000Z');

/** What every connection to ClickHouse promises. `open` gives an empty database. */
export function storeContract(
  name: string,
  open: () => Promise<{ database: Database; remove(): Promise<void> }>,
): void {
  describe(`the store contract: ${name}`, () => {
    let database: Database;
    let store: TrafficStore;
    let remove: () => Promise<void>;
    beforeAll(async () => {
      ({ database, remove } = await open());
      const migrations = createMigrations(database, {
        retention: defaultRetention,
        migrations: await loadMigrations(),
      });
      await migrations.apply();
      expect(await migrations.plan()).toEqual({ pending: [], retentionChanges: [] });
      store = createTrafficStore(database, { retention: defaultRetention });
    });
    beforeEach(() => database.command('TRUNCATE TABLE traffic'));
    afterAll(async () => {
      await store.close();
      await remove();
    });

    it('gives back what was inserted, field by field', async () => {
      const event = delivery(1, {
        senderAddress: `"o'neil\\\\";ümlaut{x:String}@example.nl`,
        messageId: "a'b\\n;--@x",
        sizeOctets: Number.MAX_SAFE_INTEGER,
        recipientCount: 0,
        senderIp: '2001:db8::1',
        senderPort: 65_535,
        tls: false,
        senderNull: true,
      });
      await store.insertEvents([event], { deduplicationToken: 'one' });
      expect(await readAll(store, aliceScope, now)).toEqual([event]);
    });

    it('gives back an event that came as canonical bytes, among others that did not', async () => {
      const [first, second, third] = [delivery(1), delivery(2, { sizeOctets: 7, tls: true }), delivery(3)];
      const bytes = Buffer.from(JSON.stringify(trafficEventSchema.parse(second)));
      const recognized = recognizeCanonical(bytes);
      if (recognized === null) throw new Error('not canonical');
      await store.insertEvents([first, recognized.event, third], { deduplicationToken: 'canonical' });
      const found = await readAll(store, aliceScope, now);
      expect(found).toHaveLength(3);
      expect(found).toEqual(expect.arrayContaining([first, second, third]));
    });

    it('copies within the engine, with values as parameters, and tells a fault by its code', async () => {
      await store.insertEvents([delivery(1), delivery(2)], { deduplicationToken: 'copied' });
      const copy = {
        text: `INSERT INTO rejected (coordinates, reason, rejectedAt, valueBytes, valueSha256)
SELECT t.sourcePosition, {reason:String}, now64(3), 1, '' FROM traffic AS t`,
        parameters: { reason: "o'neil\\'; --{x:String}" },
      };
      await database.copy(copy);
      expect(await rowsOf(database, 'SELECT reason, count() AS n FROM rejected GROUP BY reason')).toEqual([
        { reason: copy.parameters.reason, n: 2 },
      ]);
      await database.command('TRUNCATE TABLE rejected');
      await expect(
        database.copy({ text: 'INSERT INTO nowhere SELECT 1', parameters: {} }),
      ).rejects.toMatchObject({ code: 'store.refused', engineCode: '60' });
    });

    it('finds by values with every kind of special character, as parameters', async () => {
      for (const [index, value] of [
        "o'neil@x.nl",
        'a\\b@x.nl',
        'a\\tb@x.nl',
        '{now:String}@x.nl',
        '"; --@x.nl',
        '用户@x.nl',
      ].entries()) {
        await store.insertEvents([delivery(index, { recipientAddress: value })], {
          deduplicationToken: `special-${index}`,
        });
        const targets = [{ kind: 'address' as const, value }];
        expect(await readAll(store, { ...aliceScope, targets }, now), value).toHaveLength(1);
      }
    });

    it('shows and counts each event once, however often its batch comes', async () => {
      const events = Array.from({ length: 100 }, (_, i) => delivery(i));
      for (let i = 0; i < 3; i++) await store.insertEvents(events, { deduplicationToken: 'repeated' });
      expect(new Set(await readAll(store, aliceScope, now))).toEqual(new Set(events));
      expect(await store.countScope(aliceScope, { now })).toEqual({ 'message.delivered': 100 });
    });

    it('streams many events in order, and counts them', async () => {
      const events = Array.from({ length: 12_000 }, (_, i) =>
        delivery(i, { occurredAt: new Date(now - 100_000 + (i % 977)).toISOString() }),
      );
      await store.insertEvents(events, { deduplicationToken: 'many' });
      const found = await readAll(store, aliceScope, now);
      expect(found).toHaveLength(12_000);
      const keys = found.map((event) => `${event.occurredAt} ${event.eventId}`);
      expect(keys).toEqual([...keys].sort());
      expect(await store.countScope(aliceScope, { now })).toEqual({ 'message.delivered': 12_000 });
    });

    it('releases what it reads, projected, as lines of JSON', async () => {
      const special = { senderAddress: '"o\'neil\\";ümlaut\u2028/@example.nl', sizeOctets: 7, tls: false };
      const events = [delivery(1, special), ...Array.from({ length: 3000 }, (_, i) => delivery(i + 2))];
      await store.insertEvents(events, { deduplicationToken: 'released' });
      const scope = { ...aliceScope, categories: ['recipient' as const, 'sender' as const] };
      const expected = (await readAll(store, scope, now)).map(
        (event) => `${JSON.stringify(projectToCategories(event, scope.categories))}\n`,
      );
      const reading = store.readReleased(scope, { now, slices: { rows: 2500, slots: 16_384 } });
      expect(reading.query.text).not.toContain('alice');
      expect(await linesReleased(reading, scope)).toEqual(expected);
      expect(expected).toHaveLength(3001);
    });

    it('says the query that is run, with its values apart from its text', async () => {
      const { query } = store.readScope(aliceScope, { now });
      expect(query.text).not.toContain('alice');
      expect(Object.values(query.parameters)).toContain('alice@example.nl');
      const rows: unknown[] = [];
      for await (const group of database.rows(query)) rows.push(...group);
      expect(rows).toEqual([]);
    });

    it('knows from when to when there is something to read', async () => {
      expect(await store.dataWindow(now)).toBeNull();
      await store.insertEvents([delivery(1), delivery(2, { occurredAt: '2096-05-31T00:00:00.000Z' })], {
        deduplicationToken: 'window',
      });
      expect(await store.dataWindow(now)).toEqual({
        firstCollectedAt: '2096-06-01T10:00:01.000Z',
        lastCollectedAt: '2096-06-01T10:00:01.000Z',
        firstOccurredAt: '2096-05-31T00:00:00.000Z',
        lastOccurredAt: '2096-06-01T10:00:00.000Z',
      });
    });

    it('tells errors apart by ClickHouse’s code, without its text, and prints nothing', async () => {
      const printed = (['debug', 'info', 'log', 'warn', 'error'] as const).map((level) =>
        vi.spyOn(console, level).mockImplementation(() => {}),
      );
      const failure = rowsOf(database, "SELECT * FROM no_such_table WHERE 'suspect@example.nl' = ''");
      await expect(failure).rejects.toMatchObject({
        code: 'store.refused',
        engineCode: '60',
        message: expect.not.stringContaining('suspect'),
      });
      const bad = database.insert('traffic', ['senderPort'], ['{"senderPort":"suspect@example.nl"}'], 'bad');
      await expect(bad).rejects.toMatchObject({
        code: 'store.refused',
        retriable: false,
        message: expect.not.stringContaining('suspect'),
      });
      for (const spy of printed) {
        expect(spy).not.toHaveBeenCalled();
        spy.mockRestore();
      }
    });
  });
}

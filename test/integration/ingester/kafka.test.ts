import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type KafkaConfig, topics } from '#shared/bus';
import { freshTopics, startBroker, type TestBroker } from '../../support/kafka.ts';
import { describeWithKafka } from '../../support/kafka-describe.ts';
import { openTopic, type TestTopic } from '../../support/kafka-topic.ts';
import { delivery, type OpenStore, openTemporaryStore, rowsOf } from '../store/helpers.ts';
import {
  expectFound,
  type Ingesting,
  json,
  range,
  rejectedRows,
  startIngesting,
  until,
} from './kafka-ingesting.ts';

const poison: readonly (readonly [name: string, reason: string, value: Uint8Array | string | null])[] = [
  ['JSON that breaks off', 'record.malformed', '{"schemaVersion":1,'],
  ['no JSON at all', 'record.malformed', 'Nov 22 21:08:06 mx postfix/smtp[1]: to=<a@b.example>'],
  ['another version', 'schema.version', JSON.stringify({ ...delivery(900), schemaVersion: 2 })],
  ['an unknown field', 'schema.invalid', JSON.stringify({ ...delivery(901), subject: 'planted' })],
  ['a field of the wrong type', 'schema.invalid', JSON.stringify({ ...delivery(902), sizeOctets: 'many' })],
  ['an array of events', 'schema.invalid', `[${json(903)}]`],
  ['two objects in one value', 'record.malformed', json(904) + json(905)],
  ['two objects on two lines', 'record.malformed', `${json(906)}\n${json(907)}`],
  ['a raw newline within a text', 'record.malformed', json(908).replace('alice', 'al\nice')],
  ['half a surrogate pair', 'text.not_well_formed', json(909).replace('mail.log', '\\ud800')],
  ['a member given twice', 'record.duplicate_member', json(910).replace('{', '{"host":"a",')],
  ['bytes that are no UTF-8', 'record.not_utf8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])],
  ['an overlong spelling of UTF-8', 'record.not_utf8', Buffer.from([0x22, 0xc0, 0x80, 0x22])],
  ['an empty value', 'record.malformed', ''],
  ['no value at all (a tombstone)', 'record.malformed', null],
  ['5 MB of nothing, which LZ4 makes small', 'record.too_large', ' '.repeat(5_000_000)],
];

describeWithKafka('the ingester over Kafka', (kind) => {
  let broker: TestBroker;
  let open: OpenStore;
  let config: KafkaConfig;
  let traffic: TestTopic;
  const running: Ingesting[] = [];

  async function start(...rest: Parameters<typeof startIngesting> extends [unknown, ...infer R] ? R : never) {
    const started = await startIngesting(config, ...rest);
    running.push(started);
    return started;
  }
  const stop = () => Promise.all(running.splice(0).map(({ bus }) => bus.close()));

  beforeAll(async () => {
    [broker, open] = await Promise.all([startBroker(kind), openTemporaryStore()]);
  });
  afterAll(() => Promise.all([broker?.stop(), open?.remove()]));

  async function useTopics(partitions: number): Promise<void> {
    await open.clear();
    config = await freshTopics(broker.brokers, partitions);
    traffic = await openTopic(config, topics.traffic);
  }
  async function leave(): Promise<void> {
    await stop();
    await traffic?.close();
  }

  describe('puts poison apart with its reason and place, and stores its neighbours:', () => {
    beforeAll(async () => {
      await useTopics(1);
      // A single cluster-wide bound lies above our topic's; a foreign topic may let anything through.
      await traffic.setting('max.message.bytes', '10000000');
      await start(open.store);
    });
    afterAll(leave);

    async function expectApart(reason: string, value: Uint8Array | string | null): Promise<void> {
      const [place = 0] = await traffic.ends();
      const neighbours = [2 * place, 2 * place + 1].map((ordinal) => 10_000 + ordinal);
      const [before = 0, after = 0] = neighbours;
      await traffic.produce([json(before)]);
      await traffic.produce([value]);
      await traffic.produce([json(after)]);
      const coordinates = `${topics.traffic}/0/${place + 1}`;
      await until(async () => (await rejectedRows(open)).some((row) => row.coordinates === coordinates));
      await until(async () => (await traffic.committed())[0] === place + 3);
      const rows = await rejectedRows(open);
      expect(rows.find((row) => row.coordinates === coordinates)).toEqual({
        reason,
        coordinates,
        valueBytes: value === null ? 0 : Buffer.from(value as Uint8Array).byteLength,
      });
      const stored = await rowsOf(
        open.database,
        `SELECT lower(hex(eventId)) AS id FROM traffic WHERE id IN (${neighbours
          .map((ordinal) => `'${delivery(ordinal).eventId}'`)
          .join()})`,
      );
      expect(stored).toHaveLength(2);
    }

    it.each(poison)('%s', (_, reason, value) => expectApart(reason, value));
    it('5 MB of noise', () => expectApart('record.too_large', randomBytes(5_000_000)));
  });

  describe('with topics of its own', () => {
    beforeEach(() => useTopics(1));
    afterEach(leave);

    it('never meets a value of 5 MB where the topic is as we make it: the broker refuses it', async () => {
      await expect(traffic.produce([randomBytes(5_000_000)])).rejects.toMatchObject({
        type: 'MESSAGE_TOO_LARGE',
      });
      expect(await traffic.ends()).toEqual([0]);
    });

    it('has poison in the topic of rejects before its events are stored, and both before it commits', async () => {
      const rejected = await openTopic(config, topics.rejected);
      await traffic.produce([json(1), 'poison', json(2)]);
      let seen: number[] | null = null;
      let release: () => void = () => {};
      const gate = new Promise<void>((resolve) => {
        release = resolve;
      });
      await start({
        ...open.store,
        async insertEvents(events, options) {
          seen ??= [...(await rejected.ends()), ...(await traffic.committed())];
          await gate;
          expect(await traffic.committed()).toEqual([0]);
          await open.store.insertEvents(events, options);
        },
      });
      await until(() => seen !== null);
      expect(seen).toEqual([1, 0]);
      release();
      await until(async () => (await traffic.committed())[0] === 3);
      await expectFound(open, [1, 2]);
      await rejected.close();
    });

    it('stops at too many rejects, and at once again after each restart, until the ceiling is raised', async () => {
      const rejected = await openTopic(config, topics.rejected);
      const ceiling = { rejects: 10, share: 0.2, window: 100 };
      // Small batches: each by itself would be under the ceiling.
      const bounds = { maxRecords: 4, maxBytes: 1_000_000, maxWaitMs: 20 };
      await traffic.produce([...range(0, 10).map(json), ...range(0, 30).map((i) => `poison ${i}`), json(10)]);
      const stops: unknown[] = [];
      for (let run = 0; run < 3; run++) {
        const { ingester } = await start(open.store, { ceiling, bounds });
        const { code, reason } = await ingester.failed;
        stops.push({ code, reason, committed: await traffic.committed(), rejected: await rejected.ends() });
        await stop();
      }
      const once = {
        code: 'ingester.too_many_rejects',
        reason: 'record.malformed',
        // 10 events and 10 rejects, in batches of 4.
        committed: [20],
        rejected: [10],
      };
      expect(stops).toEqual([once, once, once]);

      await start(open.store, { ceiling: { ...ceiling, share: 0.9 }, bounds });
      await until(async () => (await traffic.committed())[0] === 41);
      expect(await rejected.ends()).toEqual([30]);
      await until(async () => (await rejectedRows(open)).length === 30);
      await expectFound(open, range(0, 11));
      await rejected.close();
    });

    it('loses nothing of a topic that was deleted and made again, whose offsets begin again', async () => {
      await traffic.produce(range(0, 5).map(json));
      await start(open.store);
      await until(async () => (await traffic.committed())[0] === 5);
      await stop();
      await traffic.makeAnew();
      await traffic.produce(range(5, 10).map(json));
      expect(await traffic.ends()).toEqual([5]);
      await start(open.store);
      await until(
        async () => Number((await rowsOf(open.database, 'SELECT count() AS n FROM traffic'))[0]?.n) === 10,
      );
      await expectFound(open, range(0, 10));
    });

    it('has each event once for readers after a batch was delivered again in other pieces', async () => {
      await traffic.produce(range(0, 60).map(json));
      let inserts = 0;
      const dying = await start(
        {
          ...open.store,
          async insertEvents(events, options) {
            await open.store.insertEvents(events, options);
            inserts += 1;
            // Applied, and gone before it could commit.
            throw Object.assign(new Error('killed'), { inserts });
          },
        },
        { bounds: { maxRecords: 40, maxBytes: 1_000_000, maxWaitMs: 20 } },
      );
      await dying.ingester.failed;
      await stop();
      expect(await traffic.committed()).toEqual([0]);
      await start(open.store, { bounds: { maxRecords: 25, maxBytes: 1_000_000, maxWaitMs: 20 } });
      await until(async () => (await traffic.committed())[0] === 60);
      // The table has copies, as many as the first batch had rows: its readers do not.
      expect(Number((await rowsOf(open.database, 'SELECT count() AS n FROM traffic'))[0]?.n)).toBe(100);
      await expectFound(open, range(0, 60));
    });

    it('puts a backlog into few inserts', async () => {
      const total = 20_000;
      for (let from = 0; from < total; from += 1000)
        await traffic.produce(range(from, from + 1000).map(json));
      const { ingester } = await start(open.store);
      await until(() => ingester.stats().inserted === total);
      expect(ingester.stats().batches).toBeLessThanOrEqual(4);
    });
  });
});

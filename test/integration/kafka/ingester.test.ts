import { afterEach, beforeEach, expect, it } from 'vitest';
import { createIngester, type Ingester } from '#services/ingester';
import { createKafkaBus, type KafkaBus, topics } from '#shared/bus';
import { silentLogger } from '#shared/runtime';
import { eventually } from '../../contract/bus/contract.ts';
import { freshTopics, type LocalBroker, startLocalBroker } from '../../support/kafka.ts';
import { describeWithLocalBroker } from '../../support/kafka-describe.ts';
import {
  aliceScope,
  delivery,
  type OpenStore,
  openTemporaryStore,
  readAll,
  rowsOf,
} from '../store/helpers.ts';

const now = Date.parse('2026-06-02T00:00:00.000Z');
const total = 20_000;
const perPublication = 200;

describeWithLocalBroker('events through Kafka into the store', () => {
  let broker: LocalBroker;
  let open: OpenStore;
  const buses: KafkaBus[] = [];

  beforeEach(async () => {
    [broker, open] = await Promise.all([startLocalBroker(), openTemporaryStore()]);
  });
  afterEach(async () => {
    await Promise.all(buses.splice(0).map((bus) => bus.close()));
    await Promise.all([broker?.stop(), open?.remove()]);
  });

  /** A bus to publish with, and an ingester at work on another. */
  async function start(): Promise<{ collecting: KafkaBus; ingesting: KafkaBus; ingester: Ingester }> {
    const config = await freshTopics(broker.brokers, 4);
    const connect = async (): Promise<KafkaBus> => {
      const bus = await createKafkaBus(config, { logger: silentLogger });
      buses.push(bus);
      return bus;
    };
    const [collecting, ingesting] = [await connect(), await connect()];
    const ingester = createIngester({
      bus: ingesting,
      store: open.store,
      clock: { now: () => now },
      logger: silentLogger,
    });
    await ingester.start();
    return { collecting, ingesting, ingester };
  }

  it('puts each poisonous record apart with its reason and place, and stores its neighbours', async () => {
    const { collecting, ingester } = await start();
    const good = (ordinal: number) => JSON.stringify(delivery(ordinal));
    const poison: [reason: string, value: string | Buffer][] = [
      ['record.malformed', '{"schemaVersion":1,'],
      ['record.malformed', good(1) + good(2)],
      ['record.malformed', good(3).replace('alice', 'al\nice')],
      ['record.malformed', ''],
      ['record.not_utf8', Buffer.from([0x7b, 0xff, 0x7d])],
      ['record.too_large', ' '.repeat(5_000_000)],
      ['schema.version', JSON.stringify({ ...delivery(4), schemaVersion: 2 })],
      ['schema.invalid', JSON.stringify({ ...delivery(5), subject: 'planted' })],
      ['schema.invalid', JSON.stringify({ ...delivery(6), sizeOctets: 'many' })],
    ];
    const records = poison.flatMap(([, value], i) => [
      { key: 'k', value: Buffer.from(good(100 + i)) },
      { key: 'k', value: Buffer.from(value) },
    ]);
    await collecting.publish(topics.traffic, records);
    const rejected = () =>
      rowsOf(
        open.database,
        "SELECT reason, toUInt32(splitByChar('/', coordinates)[3]) AS place FROM rejected",
      );
    await eventually(() => ingester.stats().inserted === poison.length);
    while ((await rejected()).length < poison.length) await new Promise((resolve) => setTimeout(resolve, 50));

    const byPlace = (await rejected()).sort((a, b) => Number(a.place) - Number(b.place));
    expect(byPlace).toEqual(poison.map(([reason], i) => ({ reason, place: 2 * i + 1 })));
    expect((await readAll(open.store, aliceScope, now)).map(({ eventId }) => eventId).sort()).toEqual(
      poison.map((_, i) => delivery(100 + i).eventId).sort(),
    );
  });

  it(`finds all of ${total} events, once, after three SIGKILLs of the broker`, {
    timeout: 120_000,
  }, async () => {
    const { collecting, ingesting, ingester } = await start();
    let acknowledged = 0;
    let refusals = 0;
    /** A collector's way: the same records again until they are acknowledged. */
    async function publish(from: number): Promise<void> {
      const records = Array.from({ length: perPublication }, (_, i) => ({
        key: `message ${(from + i) % 1000}`,
        value: Buffer.from(JSON.stringify(delivery(from + i))),
      }));
      for (;;) {
        try {
          await collecting.publish(topics.traffic, records);
          acknowledged += perPublication;
          return;
        } catch {
          refusals += 1;
        }
      }
    }
    const publishing = (async () => {
      for (let from = 0; from < total; from += 4 * perPublication) {
        await Promise.all([0, 1, 2, 3].map((i) => publish(from + i * perPublication)));
      }
    })();

    for (const share of [0.2, 0.5, 0.8]) {
      // Killed while both sides are at work.
      while (acknowledged < total * share || ingester.stats().inserted < (total * share) / 4) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await broker.kill();
      await new Promise((resolve) => setTimeout(resolve, 500));
      await broker.start();
    }
    await publishing;
    for (let i = 0; ingester.stats().inserted < total && i < 600; i++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }

    const stored = await readAll(open.store, aliceScope, now);
    expect(stored).toHaveLength(total);
    expect(new Set(stored.map(({ eventId }) => eventId)).size).toBe(total);
    expect(ingester.stats().rejected).toEqual({});
    const stillRunning = Symbol('still running');
    expect(await Promise.race([ingesting.failed, stillRunning])).toBe(stillRunning);
    process.stdout.write(
      `kafka: ${total} events found once; ${refusals} publications refused and repeated, ` +
        `${ingester.stats().inserted} inserted in ${ingester.stats().batches} batches\n`,
    );
  });
});

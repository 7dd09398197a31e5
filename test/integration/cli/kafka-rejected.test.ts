import { afterAll, beforeAll, expect, it } from 'vitest';
import { createIngester, type Ingester } from '#services/ingester';
import { createKafkaBus, type KafkaBus, topics } from '#shared/bus';
import { silentLogger } from '#shared/runtime';
import type { TrafficEvent } from '#shared/traffic';
import { freshTopics, startBroker, type TestBroker } from '../../support/kafka.ts';
import { describeWithKafka } from '../../support/kafka-describe.ts';
import { run } from '../../unit/cli/support.ts';
import { aliceScope, delivery, type OpenStore, openTemporaryStore, readAll } from '../store/helpers.ts';

const hour = 3_600_000;
const noon = Date.parse('2096-06-02T12:00:00.000Z');
const later = (hours: number): string => new Date(noon + hours * hour).toISOString();

/** By a collector whose clock is two hours ahead: taken once our clock says so, too. */
const ahead = (ordinal: number): TrafficEvent => delivery(ordinal, { collectedAt: later(2) });
const poison = {
  ahead1: JSON.stringify(ahead(1)),
  ahead2: JSON.stringify(ahead(2)),
  otherVersion: JSON.stringify({ ...delivery(3), schemaVersion: 2 }),
  long: `${JSON.stringify(delivery(4))}${' '.repeat(20_000)}x`,
  expired: JSON.stringify(delivery(5, { collectedAt: '2095-11-01T00:00:00.000Z' })),
};

/** Longer than `eventually` of the bus contract: an ingester has to join its group before. */
async function untilTrue(condition: () => Promise<boolean> | boolean): Promise<void> {
  for (let waited = 0; !(await condition()); waited += 100) {
    if (waited > 100_000) throw new Error('did not come about in time');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describeWithKafka('griffie rejected', (kind) => {
  let broker: TestBroker;
  let open: OpenStore;
  let env: Record<string, string>;
  let now = noon;
  let collecting: KafkaBus;
  let ingesting: KafkaBus;
  let ingester: Ingester;

  beforeAll(async () => {
    [broker, open] = await Promise.all([startBroker(kind), openTemporaryStore()]);
    const config = await freshTopics(broker.brokers, 2);
    env = {
      KAFKA_BROKERS: broker.brokers.join(','),
      KAFKA_TLS: 'off',
      KAFKA_TOPIC_PREFIX: config.topicPrefix,
    };
    [collecting, ingesting] = await Promise.all([
      createKafkaBus(config, { logger: silentLogger }),
      createKafkaBus(config, { logger: silentLogger }),
    ]);
    ingester = createIngester({
      bus: ingesting,
      store: open.store,
      clock: { now: () => now },
      logger: silentLogger,
    });
    await ingester.start();
  }, 240_000);
  afterAll(async () => {
    await Promise.all([collecting?.close(), ingesting?.close()]);
    await Promise.all([broker?.stop(), open?.remove()]);
  });

  const rejected = (...args: readonly string[]) => run(['rejected', ...args], { env, now: () => now });
  const listed = async (...args: readonly string[]) => (await rejected('list', '--json', ...args)).json();
  const inTopic = async (): Promise<unknown> => (await listed()).counts;
  const stored = async (): Promise<string[]> =>
    (await readAll(open.store, aliceScope, now)).map(({ eventId }) => eventId);

  it('lists nothing where nothing was rejected', async () => {
    const { exitCode, stdout } = await rejected('list');
    expect([exitCode, stdout]).toEqual([0, 'REASON  RECORDS\nin all  0\n']);
  });

  it('lists what the ingester could not store: counts by reason, places, and no values', async () => {
    const values = [...Object.values(poison), poison.ahead1, JSON.stringify(delivery(100))];
    await collecting.publish(
      topics.traffic,
      values.map((value, i) => ({ key: `k${i}`, value: Buffer.from(value) })),
    );
    const counts = {
      'time.collected_in_future': 3,
      'schema.version': 1,
      'record.malformed': 1,
      'retention.expired': 1,
    };
    await untilTrue(async () => (await listed()).total === 6);
    expect(await inTopic()).toEqual(counts);
    const { stdout } = await rejected('list', '--reason', 'schema.version');
    expect(stdout).toMatch(/^REASON +RECORDS\nschema\.version +1\nin all +1\n\nCOORDINATES/);
    expect(stdout).toMatch(
      /^mail\.traffic\.v1\/[01]\/\d+ +schema\.version +2096-06-02T12:00:00\.000Z +\d+$/m,
    );
    expect((await rejected('list')).stdout).not.toContain('alice');
    expect(JSON.stringify(await listed())).not.toContain(Buffer.from('alice').toString('base64').slice(0, 6));

    expect((await rejected('list', '--show-values')).stdout).toContain('"alice@example.nl"');
    expect((await listed('--limit', '2')).records).toHaveLength(2);
    expect((await listed('--limit', '0')).records).toEqual([]);
    expect((await listed('--since', new Date(Date.now() + hour).toISOString())).total).toBe(0);
    expect((await listed('--since', new Date(Date.now() - hour).toISOString())).total).toBe(6);
  });

  it('replays only what is asked for by name', async () => {
    const { exitCode, error } = await rejected('replay', '--json');
    expect([exitCode, error().code]).toEqual([2, 'rejected.which']);
    const wouldBe = (await rejected('replay', '--all', '--dry-run', '--json')).json();
    expect(wouldBe).toEqual({
      dryRun: true,
      published: { 'time.collected_in_future': 2, 'schema.version': 1 },
      repeated: 1,
      notWhole: 1,
      expired: 1,
      foreign: 0,
    });
    expect((await listed()).total).toBe(6);
    expect(await stored()).toEqual([delivery(100).eventId]);
  });

  it('stores once what is fine by now; what is not is rejected again, and no loop', async () => {
    now = noon + 3 * hour;
    const { exitCode, stdout, stderr } = await rejected('replay', '--all');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('Published again: 3\n');
    expect(stdout).toMatch(/^Left, not kept whole +1$/m);
    const line = JSON.parse(stderr);
    expect(line).toMatchObject({ code: 'rejected.replayed', count: 3, reason: 'all' });

    const all = [delivery(100), ahead(1), ahead(2)].map(({ eventId }) => eventId).sort();
    await untilTrue(async () => (await stored()).length === 3);
    expect((await stored()).sort()).toEqual(all);
    await untilTrue(async () => (await listed()).total === 7);

    // Once more: nothing is stored twice, and the one bad record came once more, not once for each of itself.
    await rejected('replay', '--all');
    await untilTrue(async () => (await listed()).total === 8);
    expect(await inTopic()).toMatchObject({ 'schema.version': 3, 'time.collected_in_future': 3 });
    expect((await stored()).sort()).toEqual(all);
  });

  it('replays one record by its coordinates', async () => {
    const { records } = (await listed('--reason', 'schema.version')) as {
      records: { coordinates: string }[];
    };
    const [newest] = records;
    const ran = await rejected('replay', '--coordinates', newest?.coordinates ?? '', '--json');
    expect(ran.json()).toMatchObject({ dryRun: false, published: { 'schema.version': 1 }, repeated: 0 });
    await untilTrue(async () => (await listed()).total === 9);
  });

  it('passes over what something else wrote to the topic', async () => {
    await collecting.publish(topics.rejected, [{ key: 'k', value: Buffer.from('{"planted":true}') }]);
    expect((await rejected('replay', '--reason', 'reject.malformed', '--json')).json()).toMatchObject({
      published: {},
      foreign: 1,
    });
  });

  it('says which topic is missing', async () => {
    const ran = await run(['rejected', 'list', '--json'], {
      env: { ...env, KAFKA_TOPIC_PREFIX: 'never-made.' },
    });
    expect([ran.exitCode, ran.error().code]).toEqual([1, 'kafka.topic_missing']);
  });
});

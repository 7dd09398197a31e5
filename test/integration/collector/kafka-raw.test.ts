import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type Collector, createCollector, type SourceStatus, sourceConfigSchema } from '#services/collector';
import type { BusPublisher, KafkaConfig } from '#shared/bus';
import { silentLogger, systemClock } from '#shared/runtime';
import { type TrafficEvent, trafficEventSchema } from '#shared/traffic';
import { freshTopics, type LocalBroker, startLocalBroker } from '../../support/kafka.ts';
import { describeWithLocalBroker } from '../../support/kafka-describe.ts';
import { HostLog, RawTopic } from '../../support/rsyslog-records.ts';

const partitions = 3;
const hosts = ['mx1.example.nl', 'mx2.example.nl', 'mx3.example.nl', 'mx4.example.nl'];

describeWithLocalBroker('a collector that reads raw lines from Kafka', () => {
  let broker: LocalBroker;
  let folder: string;
  let config: KafkaConfig;
  let topic: RawTopic;
  let events: TrafficEvent[];
  /** Told of each publication after it is durable and before it is acknowledged. */
  let onPublished: () => Promise<void>;
  const running: Collector[] = [];

  beforeAll(async () => {
    broker = await startLocalBroker();
  });
  afterAll(() => broker?.stop());
  afterEach(async () => {
    await stopAll();
    await rm(folder, { recursive: true, force: true });
  });

  async function fresh(): Promise<void> {
    config = await freshTopics(broker.brokers, partitions);
    topic = new RawTopic(config);
    folder = await mkdtemp(join(tmpdir(), 'griffie-kafka-raw-'));
    events = [];
    onPublished = async () => {};
  }

  const publisher: BusPublisher = {
    async publish(_topic, records) {
      for (const { value } of records) {
        events.push(trafficEventSchema.parse(JSON.parse(Buffer.from(value).toString('utf8'))));
      }
      await onPublished();
    },
  };

  function start(state = 'state', more: object = {}): Collector {
    const collector = createCollector({
      sources: [sourceConfigSchema.parse({ id: 'raw', kind: 'kafka-raw', ...more })],
      publisher,
      stateDirectory: join(folder, state),
      clock: systemClock,
      logger: silentLogger,
      kafka: config,
    });
    collector.start();
    running.push(collector);
    return collector;
  }

  async function stopAll(): Promise<void> {
    await Promise.all(running.splice(0).map((collector) => collector.stop()));
  }

  const statusOf = (collector: Collector): SourceStatus => {
    const [status] = collector.status();
    if (status === undefined) throw new Error('no source');
    return status;
  };

  async function until(what: () => boolean, seconds = 90): Promise<void> {
    for (const deadline = Date.now() + seconds * 1000; !what(); await sleep(20)) {
      if (Date.now() > deadline)
        throw new Error(`it did not come to be: ${JSON.stringify(running.map(statusOf))}`);
    }
  }

  const byId = () => new Map(events.map((event) => [event.eventId, event]));
  const partitionOf = (host: string): number => hosts.indexOf(host) % partitions;

  /** Two events of each message, complete; copies with one id say the same. */
  function expectMessages(perHost: number): void {
    const known = new Map<string, string>();
    for (const { collectedAt: _, ...event } of events) {
      const text = JSON.stringify(event);
      expect(known.get(event.eventId) ?? text).toBe(text);
      known.set(event.eventId, text);
    }
    const found = [...byId().values()];
    expect(found.filter((event) => event.correlation !== 'complete')).toEqual([]);
    const wanted = hosts.flatMap((host) =>
      Array.from({ length: perHost }, (_, number) => [
        `message.accepted ${number}@${host} on ${host}`,
        `message.delivered ${number}@${host} on ${host}`,
      ]),
    );
    expect(found.map((e) => `${e.type} ${e.messageId} on ${e.host}`).sort()).toEqual(wanted.flat().sort());
  }

  it('gives every event once, with the same queue ids on several hosts, wherever it was stopped or killed', async () => {
    await fresh();
    const logs = hosts.map((host) => new HostLog(host));
    let snapshots = 0;
    onPublished = async () => {
      // A kill at this instant: published, not committed. What the checkpoint is then is kept.
      await cp(join(folder, 'state'), join(folder, `killed-${++snapshots}`), { recursive: true });
    };
    for (let round = 0; round < 4; round++) {
      await Promise.all(
        logs.map((log) => topic.send(partitionOf(log.host), log.host, log.write(round * 50, 50))),
      );
      const collector = start();
      await until(() => byId().size === hosts.length * 2 * 50 * (round + 1));
      await collector.stop();
      running.splice(0);
      if (round < 3) {
        // Goes on from before the last publication.
        await rm(join(folder, 'state'), { recursive: true });
        await cp(join(folder, `killed-${snapshots}`), join(folder, 'state'), { recursive: true });
      }
    }
    expect(events.length).toBeGreaterThan(byId().size);
    expectMessages(200);
  });

  it('leaves out what a daemon sends again, also after a restart, and counts it', async () => {
    await fresh();
    const logs = hosts.map((host) => new HostLog(host));
    for (const log of logs) await topic.send(partitionOf(log.host), log.host, log.write(0, 20));
    const first = start();
    await until(() => byId().size === hosts.length * 40);
    await first.stop();
    running.splice(0);
    // A daemon that was killed reads its file again, from the middle of a message, and goes on.
    for (const log of logs) {
      const again = log.records.slice(33);
      await topic.send(partitionOf(log.host), log.host, [...again, ...log.write(20, 5)]);
    }
    const second = start();
    await until(() => statusOf(second).lines === hosts.length * (100 + 67 + 25));
    await second.stop();
    expect(statusOf(second)).toMatchObject({ repeated: hosts.length * 67, notUnderstood: {}, open: 0 });
    expect(events).toHaveLength(hosts.length * 50);
    expectMessages(25);
  });

  it('refuses a second process of the same source, which says why, and the first one goes on', async () => {
    await fresh();
    const log = new HostLog('mx1.example.nl');
    const first = start('first');
    await until(() => statusOf(first).state === 'following');
    const second = start('second');
    await until(() => statusOf(second).lastFault?.code === 'kafka.reader_exists');
    await topic.send(0, log.host, log.write(0, 10));
    await until(() => byId().size === 20);
    expect(events).toHaveLength(20);
    expect(statusOf(second).lines).toBe(0);
  });

  it('reads the partitions that it is given, and no other', async () => {
    await fresh();
    const logs = hosts.slice(0, 3).map((host) => new HostLog(host));
    for (const log of logs) await topic.send(partitionOf(log.host), log.host, log.write(0, 5));
    const some = start('some', { id: 'some', partitions: [0, 2] });
    const other = start('other', { id: 'other', partitions: [1] });
    const missing = start('missing', { id: 'missing', partitions: [7] });
    await until(() => statusOf(some).lines === 50 && statusOf(other).lines === 25);
    await until(() => statusOf(missing).lastFault?.code === 'SOURCE_PARTITION_MISSING');
    expect(byId().size).toBe(30);
  });

  it('begins at the end where it is told to, and goes on from there', async () => {
    await fresh();
    const log = new HostLog('mx1.example.nl');
    await topic.send(0, log.host, log.write(0, 10));
    const collector = start('state', { from: 'end' });
    await until(() => statusOf(collector).state === 'following');
    await topic.send(0, log.host, log.write(10, 5));
    await until(() => byId().size === 10);
    expect(statusOf(collector).lines).toBe(25);
  });

  it('reports a gap where records expired before they were read, and goes on behind it', async () => {
    await fresh();
    const log = new HostLog('mx1.example.nl');
    await topic.send(0, log.host, log.write(0, 10));
    const first = start();
    await until(() => byId().size === 20);
    await first.stop();
    running.splice(0);
    await topic.send(0, log.host, log.write(10, 10));
    await topic.administrate(async (admin) => {
      // kafkajs knows no leader before that.
      await admin.fetchTopicOffsets(topic.name);
      await admin.deleteTopicRecords({ topic: topic.name, partitions: [{ partition: 0, offset: '75' }] });
    });
    const second = start();
    await until(() => statusOf(second).lines === 75 && statusOf(second).gapCount === 1);
    expect(statusOf(second).gaps).toMatchObject([{ reason: 'lost', position: '0/50' }]);
  });

  it('reports a gap where the topic was made anew, and reads the new one from its beginning', async () => {
    await fresh();
    const log = new HostLog('mx1.example.nl');
    await topic.send(0, log.host, log.write(0, 10));
    const first = start();
    await until(() => byId().size === 20);
    await first.stop();
    running.splice(0);
    await topic.administrate(async (admin) => {
      await admin.deleteTopics({ topics: [topic.name] });
      while ((await admin.listTopics()).includes(topic.name)) await sleep(100);
      await admin.createTopics({ waitForLeaders: false, topics: [{ topic: topic.name, numPartitions: 3 }] });
    });
    await topic.send(0, log.host, log.write(10, 5));
    const second = start();
    await until(() => byId().size === 30);
    expect(statusOf(second)).toMatchObject({ gapCount: 1, repeated: 0 });
    expect(statusOf(second).gaps).toMatchObject([{ reason: 'truncated', position: '0/50' }]);
  });

  it('finds partitions that are added while it runs, and reads them from their beginning', {
    timeout: 200_000,
  }, async () => {
    await fresh();
    const log = new HostLog('mx1.example.nl');
    const collector = start('state', { from: 'end' });
    await until(() => statusOf(collector).state === 'following');
    await topic.administrate((admin) =>
      admin.createPartitions({ topicPartitions: [{ topic: topic.name, count: partitions + 2 }] }),
    );
    await topic.send(partitions + 1, log.host, log.write(0, 10));
    await until(() => byId().size === 20, 150);
    expect(statusOf(collector).gapCount).toBe(0);
  });

  it('lists what it does not understand by partition and offset, and nothing of what it said', async () => {
    await fresh();
    const log = new HostLog('mx1.example.nl');
    const [good = ''] = log.write(0, 1);
    const planted = { ...JSON.parse(good), offset: '999', planted: 'secret@example.org' };
    await topic.send(1, log.host, [
      'secret@example.org',
      '["secret@example.org"]',
      JSON.stringify(planted),
      JSON.stringify({ ...JSON.parse(good), host: 'secret@example.org', offset: '998' }),
      JSON.stringify({ ...JSON.parse(good), line: 'secret@example.org', offset: '997' }),
      Buffer.alloc(40_000, 'x'),
      null,
      ...log.records,
    ]);
    const collector = start();
    await until(() => byId().size === 2);
    await until(() => statusOf(collector).lines === 12);
    const listed = collector.notUnderstood('raw').map(({ reason, position }) => `${position} ${reason}`);
    expect(listed.reverse()).toEqual([
      '1/0 json.malformed',
      '1/1 raw.schema',
      '1/2 raw.schema',
      '1/3 raw.host',
      '1/4 header.unknown',
      '1/5 line.too_long',
      '1/6 json.malformed',
    ]);
    expect(JSON.stringify([statusOf(collector), listed])).not.toContain('secret');
  });

  it('waits while the brokers are away, and goes on when they are back', async () => {
    await fresh();
    const log = new HostLog('mx1.example.nl');
    const collector = start();
    await topic.send(0, log.host, log.write(0, 10));
    await until(() => byId().size === 20);
    await broker.kill();
    // A second one finds no broker at all.
    const late = start('late', { id: 'late' });
    await until(() => statusOf(late).lastFault?.code.startsWith('kafka.') === true);
    await broker.start();
    await topic.send(0, log.host, log.write(10, 10));
    await until(() => statusOf(collector).lines === 100 && statusOf(late).lines === 100);
    expect(statusOf(collector)).toMatchObject({ gapCount: 0, repeated: 0, events: 40 });
  });
});

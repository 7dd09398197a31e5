import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createIngester } from '#services/ingester';
import {
  createKafkaBus,
  furtherTopics,
  type KafkaBus,
  type KafkaConfig,
  readTopic,
  topics,
} from '#shared/bus';
import { eventInScope, parseTarget, type Scope } from '#shared/orders';
import { silentLogger, systemClock, utc } from '#shared/runtime';
import { categoryIds, type TrafficEvent, trafficEventSchema } from '#shared/traffic';
import { type OpenStore, openTemporaryStore, readAll } from '../integration/store/helpers.ts';
import { freshTopics, type LocalBroker, startLocalBroker } from '../support/kafka.ts';
import { describeWithRsyslog, Rsyslog } from '../support/rsyslog.ts';
import { CollectorProcess } from '../support/rsyslog-collector.ts';
import { Expectations } from './expectations.ts';
import { matchEvents } from './expected-event.ts';
import { Scenes } from './scenes.ts';
import { startWorld, type World } from './world.ts';

const timeZone = 'Europe/Amsterdam';
/** A mail each time, before and after something was killed. */
const rounds = 6;

describeWithRsyslog('mail through real Postfix and Dovecot, rsyslog and Kafka', { mail: true }, () => {
  let folder: string;
  let broker: LocalBroker;
  let config: KafkaConfig;
  let world: World;
  let open: OpenStore;
  let bus: KafkaBus;
  let rsyslog: Rsyslog;
  let collector: CollectorProcess;
  let expectations: Expectations;
  let published: TrafficEvent[];
  let found: TrafficEvent[];
  let downDeferrals: TrafficEvent[];

  /** Each event of the topic, once; a batch that is published again has the same event ids. */
  async function eventsOfTopic(): Promise<TrafficEvent[]> {
    published = [];
    await readTopic(
      config,
      topics.traffic,
      {},
      async (records) => {
        for (const { value } of records) {
          published.push(trafficEventSchema.parse(JSON.parse(Buffer.from(value).toString('utf8'))));
        }
      },
      { logger: silentLogger },
    );
    // Readers see the copy that was collected first.
    const first = [...published].sort((a, b) => (a.collectedAt < b.collectedAt ? 1 : -1));
    return [...new Map(first.map((event) => [event.eventId, event])).values()];
  }

  async function untilAllCame(): Promise<void> {
    for (const end = Date.now() + 120_000; Date.now() < end; await sleep(1000)) {
      found = await eventsOfTopic();
      if (matchEvents(expectations.events, found).missing.length === 0) break;
    }
    // A moment for what should not come.
    await sleep(3000);
    found = await eventsOfTopic();
    const isDownDeferral = (event: TrafficEvent): boolean =>
      event.type === 'message.deferred' && event.recipientAddress === 'friend@down.example';
    downDeferrals = found.filter(isDownDeferral);
    found = found.filter((event) => !isDownDeferral(event));
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'griffie-rsyslog-'));
    broker = await startLocalBroker();
    config = await freshTopics(broker.brokers, 3);
    world = await startWorld({ timeZone, longQueueIds: false });
    open = await openTemporaryStore();
    bus = await createKafkaBus(config, { logger: silentLogger });
    const { store } = open;
    await createIngester({ bus, store, clock: systemClock, logger: silentLogger }).start();
    const { postfixLog: postfix, dovecotLog: dovecot } = world.servers.paths;
    rsyslog = new Rsyslog({
      example: 'griffie-kafka.conf',
      folder: join(folder, 'rsyslog'),
      topic: `${config.topicPrefix}${furtherTopics.raw}`,
      brokers: broker.brokers,
      files: { postfix, dovecot },
      timeZone,
    });
    collector = new CollectorProcess(config, join(folder, 'collector'));
    await rsyslog.start();
    collector.start();

    expectations = new Expectations(world.relays);
    const scenes = new Scenes(world.servers, expectations);
    await scenes.fixedScenes();
    for (let round = 0; round < rounds; round++) {
      const mail = scenes.everydayMail(round);
      // While mail comes in, each in its turn:
      if (round === 0) await rsyslog.kill();
      if (round === 1) await broker.kill();
      if (round === 2) await collector.kill();
      if (round === 3) await Promise.all([rsyslog.kill(), collector.kill()]);
      if (round === 4) await broker.kill();
      await mail;
      // Ends in order, with lines that Kafka has not taken.
      if (round === 4) await rsyslog.stop();
      if (round === 5) await world.servers.rotateLogs();
      if (round === 1 || round === 4) await broker.start();
      if (round === 0 || round === 3 || round === 4) await rsyslog.start();
      if (round === 2 || round === 3) collector.start();
    }
    await scenes.emptyQueue(rounds);
    await scenes.readMail();
    await untilAllCame();
  }, 600_000);

  afterAll(async () => {
    await Promise.allSettled([rsyslog?.kill(), collector?.kill()]);
    await bus?.close();
    await Promise.allSettled([world?.stop(), open?.remove(), broker?.stop()]);
    await rm(folder, { recursive: true, force: true });
  });

  it('finds every event that the clients’ deeds must give, once, whatever was killed', () => {
    expect(matchEvents(expectations.events, found)).toEqual({ missing: [], unexpected: [] });
    expect(downDeferrals.length).toBeGreaterThan(0);
    process.stdout.write(
      `rsyslog: ${found.length} events, ${published.length} published; ${JSON.stringify(collector.status)}\n`,
    );
  });

  it('has met lines that came again, left them out, and missed none', () => {
    expect(collector.status).toMatchObject({ gapCount: 0, notUnderstood: {} });
    expect(collector.status.repeated).toBeGreaterThan(0);
  });

  it('gives them back from the store, each once', async () => {
    const now = systemClock.now();
    const targets = ['example.nl', 'example.net'].map((domain) => {
      const result = parseTarget('domain', domain);
      if (!result.ok) throw new Error(result.reason);
      return result.target;
    });
    const scope: Scope = {
      targets,
      from: utc(now - 3_600_000),
      to: utc(now),
      categories: categoryIds,
      collectedUpTo: utc(now),
    };
    const inScope = [...found, ...downDeferrals].filter((event) => eventInScope(event, scope));
    let stored: TrafficEvent[] = [];
    for (
      const end = Date.now() + 60_000;
      stored.length < inScope.length && Date.now() < end;
      await sleep(500)
    ) {
      stored = await readAll(open.store, scope, now);
    }
    const byId = (events: readonly TrafficEvent[]) =>
      [...events].sort((a, b) => (a.eventId < b.eventId ? -1 : 1));
    expect(inScope.length).toBeGreaterThan(found.length * 0.8);
    expect(byId(stored)).toEqual(byId(inScope));
  });
});

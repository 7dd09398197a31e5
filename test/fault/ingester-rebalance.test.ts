import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { createIngester, type Ingester } from '#services/ingester';
import { createKafkaBus, type KafkaBus, type KafkaConfig, topics } from '#shared/bus';
import { silentLogger } from '#shared/runtime';
import { StoreError, type TrafficStore } from '#shared/store';
import { expectFound, json, now, range, until } from '../integration/ingester/kafka-ingesting.ts';
import { type OpenStore, openTemporaryStore } from '../integration/store/helpers.ts';
import { freshTopics, startBroker, type TestBroker } from '../support/kafka.ts';
import { describeWithKafka } from '../support/kafka-describe.ts';
import { openTopic, type TestTopic } from '../support/kafka-topic.ts';
import { createOffsetLedger, type OffsetLedger } from '../support/offset-ledger.ts';

/** As short as a broker allows, so that what takes longer can be waited for. */
const limits = vi.hoisted(() => ({ sessionMs: 6000, heartbeatMs: 500, rebalanceMs: 5000 }));
vi.mock('../../shared/bus/kafka/limits.ts', async (original) => {
  const { kafkaLimits } = await original<{ kafkaLimits: object }>();
  return { kafkaLimits: { ...kafkaLimits, ...limits } };
});

const perRound = 400;
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Member {
  readonly bus: KafkaBus;
  readonly ingester: Ingester;
}

/** Opened from outside: inserts wait for it before they begin. */
interface Gate {
  open(): void;
  /** Inserts that came to it. */
  reached(): number;
  pass(): Promise<void>;
}

describeWithKafka('a rebalance in the midst of an insert', (kind) => {
  let broker: TestBroker;
  let open: OpenStore;
  let config: KafkaConfig;
  let topic: TestTopic;
  let publishing: KafkaBus;
  let ledger: OffsetLedger;
  let audit: ReturnType<OffsetLedger['audit']>;
  let published = 0;
  const members: Member[] = [];
  const gates: Gate[] = [];

  beforeAll(async () => {
    [broker, open] = await Promise.all([startBroker(kind), openTemporaryStore()]);
  });
  afterAll(() => Promise.all([broker?.stop(), open?.remove()]));

  beforeEach(async () => {
    await open.clear();
    config = await freshTopics(broker.brokers, 2);
    topic = await openTopic(config, topics.traffic);
    publishing = await createKafkaBus(config, { logger: silentLogger });
    ledger = createOffsetLedger();
    audit = ledger.audit(topic);
    published = 0;
  });
  afterEach(async () => {
    // Where a test failed, nobody else opens them, and closing would wait.
    for (const gate of gates.splice(0)) gate.open();
    await audit?.stop();
    await Promise.all(members.splice(0).map(({ bus }) => bus.close()));
    await publishing?.close();
    await topic?.close();
  }, 60_000);

  function createGate(): Gate {
    let reached = 0;
    let open: () => void = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const gate: Gate = {
      open: () => open(),
      reached: () => reached,
      pass() {
        reached += 1;
        return opened;
      },
    };
    gates.push(gate);
    return gate;
  }

  async function publish(): Promise<void> {
    const records = range(published, published + perRound).map((ordinal) => ({
      key: `message ${ordinal}`,
      value: Buffer.from(json(ordinal)),
    }));
    await publishing.publish(topics.traffic, records);
    published += perRound;
  }

  /** @param before each insert waits for this */
  async function join(name: string, before: () => Promise<void> = async () => {}): Promise<Member> {
    const bus = await createKafkaBus(config, { logger: silentLogger });
    const store: TrafficStore = {
      ...open.store,
      async insertEvents(events, options) {
        await before();
        await open.store.insertEvents(events, options);
        ledger.inserted(name);
      },
    };
    const ingester = createIngester({
      bus: ledger.watch(name, bus),
      store,
      clock: { now: () => now },
      logger: silentLogger,
      bounds: { maxRecords: 50, maxBytes: 1_000_000, maxWaitMs: 20 },
      retry: { firstDelayMs: 50, maxDelayMs: 1000 },
    });
    const member = { bus, ingester };
    members.push(member);
    await ingester.start();
    return member;
  }

  /** All was inserted and committed; no commit was ever ahead of its inserts; readers find each event once. */
  async function expectAllOnce(...names: string[]): Promise<void> {
    const ends = await topic.ends();
    await until(async () => (await topic.committed()).join() === ends.join());
    await wait(200);
    expect(await audit.stop()).toEqual([]);
    const inserted = new Set(names.flatMap((name) => [...ledger.insertedBy(name)]));
    const all = ends.flatMap((end, partition) => range(0, end).map((offset) => `${partition}:${offset}`));
    expect([...inserted].sort()).toEqual(all.sort());
    await expectFound(open, range(0, published));
    for (const { ingester } of members) expect(ingester.stats().rejected).toEqual({});
  }

  it('waits for the insert, where that ends in time, and nobody repeats it', async () => {
    const gate = createGate();
    await publish();
    await join('first', () => gate.pass());
    await until(() => gate.reached() === 2);
    const joining = join('second');
    await wait(2000);
    expect(ledger.insertedBy('second').size).toBe(0);
    gate.open();
    await joining;
    await publish();
    await until(() => ledger.insertedBy('second').size > 0);
    await expectAllOnce('first', 'second');
    expect(ledger.repeated()).toBe(0);
  });

  it('goes on without a member whose insert takes longer, and that member commits nothing', async () => {
    const gate = createGate();
    await publish();
    await join('first', () => gate.pass());
    await until(() => gate.reached() === 2);
    await join('second');
    // Longer than the rebalance and the session may take: the second member does the work of both.
    await until(() => ledger.insertedBy('second').size === perRound);
    expect(ledger.insertedBy('first').size).toBe(0);
    gate.open();
    await until(() => ledger.insertedBy('first').size > 0);
    await publish();
    await expectAllOnce('first', 'second');
    // It did happen: what was held was inserted by both.
    expect(ledger.repeated()).toBeGreaterThan(0);
  });

  it('does not happen because an insert takes longer than a session', async () => {
    const gate = createGate();
    await publish();
    await join('first', () => gate.pass());
    await until(() => gate.reached() === 2);
    await wait(limits.sessionMs + 2000);
    gate.open();
    await until(() => ledger.insertedBy('first').size === perRound);
    await join('second');
    await publish();
    await expectAllOnce('first', 'second');
    expect(ledger.givenBackBy('first')).toBe(0);
    expect(ledger.repeated()).toBe(0);
  });

  it('gets the batches of a member that waits for its store at once, and another inserts them', async () => {
    let tries = 0;
    await publish();
    await join('first', () => {
      tries += 1;
      return Promise.reject(new StoreError('store.unavailable', 'away', 'ECONNREFUSED'));
    });
    await until(() => tries > 4);
    const before = performance.now();
    await join('second');
    await until(() => ledger.insertedBy('second').size > 0);
    expect(performance.now() - before).toBeLessThan(limits.rebalanceMs);
    expect(ledger.givenBackBy('first')).toBeGreaterThan(0);
    await members[0]?.bus.close();
    await publish();
    await expectAllOnce('second');
  });

  it('meets members that join and leave again and again, under load', async () => {
    await join('steady');
    let publishingMore = true;
    const load = (async () => {
      while (publishingMore) {
        await publish();
        await wait(100);
      }
    })();
    for (let round = 0; round < 4; round++) {
      const guest = await join(`guest ${round}`, () => wait(Math.random() * 30));
      await until(() => ledger.insertedBy(`guest ${round}`).size > 0);
      await guest.bus.close();
    }
    publishingMore = false;
    await load;
    await expectAllOnce('steady', ...range(0, 4).map((round) => `guest ${round}`));
    process.stdout.write(`ingester-rebalance: ${published} events found once, four members came and went\n`);
  });

  it('is a leave: closing finishes the insert at work and commits it, and the next goes on after it', async () => {
    const gate = createGate();
    await publish();
    const first = await join('first', () => gate.pass());
    await until(() => gate.reached() === 2);
    const closing = first.bus.close();
    let closed = false;
    void closing.then(() => {
      closed = true;
    });
    await wait(1000);
    expect(closed).toBe(false);
    gate.open();
    await closing;
    const done = ledger.insertedBy('first');
    // The two batches that were at work, and none after them.
    expect(done.size).toBe(100);
    expect((await topic.committed()).reduce((sum, offset) => sum + offset, 0)).toBe(100);
    await join('second');
    await expectAllOnce('first', 'second');
    expect(ledger.repeated()).toBe(0);
  });

  it('is a leave: closing does not wait for a store that is away, and commits nothing', async () => {
    let tries = 0;
    await publish();
    const first = await join('first', () => {
      tries += 1;
      return Promise.reject(new StoreError('store.unavailable', 'away', '242'));
    });
    await until(() => tries > 8);
    const before = performance.now();
    await first.bus.close();
    expect(performance.now() - before).toBeLessThan(5000);
    expect(await topic.committed()).toEqual([0, 0]);
    await join('second');
    await expectAllOnce('second');
  });
});

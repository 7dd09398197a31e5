import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  eventsOf,
  expectEachOnce,
  FaultLog,
  firstMessages,
  seededRandom,
  startCluster,
  type TestCluster,
  untilFound,
} from '../support/cluster/index.ts';
import { describeWithLocalBroker } from '../support/kafka-describe.ts';
import type { ServiceProcess } from '../support/service-process.ts';

/** 60,000 messages give 210,000 events. */
const messages = 60_000 * Number(process.env.ROUNDS ?? 1);
const seed = Number(process.env.FAULT_SEED ?? Math.floor(Math.random() * 2 ** 31));
/** Begun at once, ten times a second: about a minute and a half in all. */
const messagesAtOnce = 70;

/**
 * What runs, and what is done to it. One deed at a time; each leaves things as they may stay: killed
 * processes are started again as a supervisor would.
 */
class Havoc {
  readonly counts: Record<string, number> = {};
  readonly #cluster: TestCluster;
  readonly #log: FaultLog;
  readonly #random: () => number;
  readonly #sources: readonly unknown[];
  #collector: ServiceProcess | undefined;
  readonly #ingesters: (ServiceProcess | undefined)[] = [undefined, undefined];

  constructor(cluster: TestCluster, log: FaultLog, random: () => number) {
    this.#cluster = cluster;
    this.#log = log;
    this.#random = random;
    this.#sources = [{ kind: 'file', id: 'mx1', path: log.path, host: 'mx1.example.nl' }];
  }

  /** Starts what does not run: also what ended by itself. */
  async startAll(): Promise<void> {
    if (isGone(this.#collector)) this.#collector = await this.#cluster.startCollector(this.#sources);
    if (isGone(this.#ingesters[0])) this.#ingesters[0] = this.#cluster.startIngester(0);
  }

  async wreak(): Promise<void> {
    const deeds: Record<string, () => Promise<unknown>> = {
      'collector killed': async () => this.#collector?.end('SIGKILL'),
      'ingester killed': async () => this.#ingesters[0]?.end('SIGKILL'),
      'second ingester joined': async () => {
        if (isGone(this.#ingesters[1])) this.#ingesters[1] = this.#cluster.startIngester(1);
      },
      'second ingester left': async () => this.#ingesters[1]?.end('SIGTERM'),
      'second ingester killed': async () => this.#ingesters[1]?.end('SIGKILL'),
      'broker killed': async () => {
        await this.#cluster.broker.kill();
        await sleep(this.#random() * 3000);
        await this.#cluster.broker.start();
      },
      'engine killed': () => this.#cluster.restartEngine(),
      'log rotated': () => this.#log.rotate(),
    };
    const names = Object.keys(deeds);
    const name = names[Math.floor(this.#random() * names.length)] ?? '';
    await deeds[name]?.();
    this.counts[name] = (this.counts[name] ?? 0) + 1;
  }

  output(): string {
    return [this.#collector, ...this.#ingesters].map((service) => service?.output().slice(-2000)).join('\n');
  }
}

const isGone = (service: ServiceProcess | undefined): boolean =>
  service === undefined || service.child.exitCode !== null || service.child.signalCode !== null;

describeWithLocalBroker('a cluster whose parts are killed in any order', () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster({ partitions: 6 });
  });
  afterAll(() => cluster?.remove());

  it(`finds each event once, whatever died (FAULT_SEED=${seed})`, async () => {
    const random = seededRandom(seed);
    const log = new FaultLog(join(cluster.folder, 'mail.log'), 200);
    await log.create();
    const havoc = new Havoc(cluster, log, random);
    await havoc.startAll();
    const began = Date.now();
    let written = false;
    const writing = (async () => {
      for (; log.begun < messages; await sleep(100)) {
        await log.write(Math.min(messagesAtOnce, messages - log.begun));
      }
      await log.finish();
    })().finally(() => {
      written = true;
    });
    while (!written) {
      await sleep(500 + random() * 2000);
      await havoc.wreak();
      await havoc.startAll();
    }
    await writing;
    const all = firstMessages(messages);
    const reviving = setInterval(() => void havoc.startAll(), 1000);
    try {
      await untilFound(cluster, eventsOf(all)).catch((error) => {
        throw new Error(`${error.message}\n${havoc.output()}`);
      });
    } finally {
      clearInterval(reviving);
    }
    const { rows, events } = await expectEachOnce(cluster, all);
    const deeds = Object.entries(havoc.counts).map(([name, count]) => `${name} ${count}`);
    process.stdout.write(
      `${events} events found once each, ${rows - events} rows besides that readers do not see, in ${Math.round((Date.now() - began) / 1000)} s: ${deeds.join(', ')}\n`,
    );
    expect(Object.keys(havoc.counts).length).toBeGreaterThan(5);
  });
});

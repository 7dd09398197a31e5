import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Collector, createCollector, type SourceStatus, sourceConfigSchema } from '#services/collector';
import { createIngester } from '#services/ingester';
import { type Bus, type BusPublisher, createEmbeddedBus } from '#shared/bus';
import { eventInScope, parseTarget, type Scope, type Target, type TargetKind } from '#shared/orders';
import { silentLogger, systemClock, utc } from '#shared/runtime';
import {
  createMigrations,
  createTrafficStore,
  defaultRetention,
  loadMigrations,
  openEmbeddedDatabase,
  type TrafficStore,
} from '#shared/store';
import { categoryIds, type TrafficEvent, trafficEventSchema } from '#shared/traffic';
import type { MailServerPaths } from '../support/mail-servers/index.ts';
import { hostName } from './world.ts';

/** The whole way of the data, as in one process: collector, bus, ingester, store, with both logs followed. */
export class LiveCollection {
  /** What the collector published and was acknowledged; to see how far it is. */
  readonly published: TrafficEvent[] = [];
  readonly #paths: MailServerPaths;
  readonly #timeZone: string;
  readonly #folder: string;
  readonly #bus: Bus;
  readonly #store: TrafficStore;
  #collector: Collector;
  #closed = false;

  private constructor(
    paths: MailServerPaths,
    timeZone: string,
    folder: string,
    bus: Bus,
    store: TrafficStore,
  ) {
    this.#paths = paths;
    this.#timeZone = timeZone;
    this.#folder = folder;
    this.#bus = bus;
    this.#store = store;
    this.#collector = this.#start();
  }

  static async start(paths: MailServerPaths, timeZone: string): Promise<LiveCollection> {
    const folder = await mkdtemp(join(tmpdir(), 'griffie-realmail-'));
    const database = await openEmbeddedDatabase({ folder: join(folder, 'store') });
    const retention = defaultRetention;
    await createMigrations(database, { retention, migrations: await loadMigrations() }).apply();
    const store = createTrafficStore(database, { retention });
    const bus = createEmbeddedBus();
    await createIngester({ bus, store, clock: systemClock, logger: silentLogger }).start();
    return new LiveCollection(paths, timeZone, folder, bus, store);
  }

  /** Stops, and goes on from the checkpoints as a new process would. */
  async restart(): Promise<void> {
    await this.#collector.stop();
    this.#collector = this.#start();
  }

  status(): SourceStatus[] {
    return this.#collector.status();
  }

  /** Each event that was published, once: a batch that is published again has the same event ids. */
  get events(): TrafficEvent[] {
    return [...new Map(this.published.map((event) => [event.eventId, event])).values()];
  }

  /** Stops collecting. @returns what is in the store about any of these targets, and what should be. */
  async stopAndRead(
    targets: readonly (readonly [kind: TargetKind, value: string])[],
  ): Promise<{ stored: TrafficEvent[]; inScope: TrafficEvent[] }> {
    await this.#collector.stop();
    await this.#bus.close();
    const now = systemClock.now();
    const scope: Scope = {
      targets: targets.map(([kind, value]) => targetOf(kind, value)),
      from: utc(now - 3_600_000),
      to: utc(now),
      categories: categoryIds,
      collectedUpTo: utc(now),
    };
    const stored: TrafficEvent[] = [];
    for await (const events of this.#store.readScope(scope, { now })) stored.push(...events);
    return { stored, inScope: this.events.filter((event) => eventInScope(event, scope)) };
  }

  /** Closes the store. @returns every byte that was kept, file by file, checkpoints and tables alike. */
  async closeAndReadFiles(): Promise<string[]> {
    await this.#close();
    const entries = await readdir(this.#folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    return Promise.all(files.map((file) => readFile(join(file.parentPath, file.name), 'latin1')));
  }

  async remove(): Promise<void> {
    await this.#collector.stop();
    await this.#close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Also where a test failed half-way: the engine binds one folder at a time. */
  async #close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#bus.close();
    await this.#store.close();
  }

  #start(): Collector {
    const source = (software: 'postfix' | 'dovecot', path: string) =>
      sourceConfigSchema.parse({
        kind: 'file',
        id: `real-${software}`,
        software,
        path,
        timeZone: this.#timeZone,
        host: hostName,
      });
    const publisher: BusPublisher = {
      publish: async (topic, records) => {
        await this.#bus.publish(topic, records);
        for (const { value } of records) {
          this.published.push(trafficEventSchema.parse(JSON.parse(Buffer.from(value).toString('utf8'))));
        }
      },
    };
    const collector = createCollector({
      sources: [source('postfix', this.#paths.postfixLog), source('dovecot', this.#paths.dovecotLog)],
      publisher,
      stateDirectory: join(this.#folder, 'checkpoints'),
      clock: systemClock,
      logger: silentLogger,
    });
    collector.start();
    return collector;
  }
}

function targetOf(kind: TargetKind, value: string): Target {
  const result = parseTarget(kind, value);
  if (!result.ok) throw new Error(result.reason);
  return result.target;
}

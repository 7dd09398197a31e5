import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Collector, createCollector, sourceConfigSchema, tellOver } from '#services/collector';
import { createIngester } from '#services/ingester';
import type { Retention } from '#services/retention';
import { type Bus, createEmbeddedBus, topics } from '#shared/bus';
import { Replay } from '#shared/control';
import { encodeEntry } from '#shared/ledger';
import { silentLogger } from '#shared/runtime';
import { createSourceDays } from '#shared/store';
import { testEvent } from '../../support/events.ts';
import { countingAdapter, until } from '../../unit/collector/pipeline/support.ts';
import { openRetentionWorld, type RetentionWorld } from '../retention/support.ts';
import { reconcileExport } from './support.ts';

const dayMs = 86_400_000;

describe('the sums of sources and days, from lines of a log to the ledger', () => {
  let world: RetentionWorld;
  let retention: Retention;
  let collector: Collector | undefined;
  let bus: Bus;
  /** Takes events away on their way, as a fault of ours would: acknowledged, and not stored. */
  let drop = 0;
  /** Dies after what was published is durable, and before it is committed. */
  let dieAfterPublishing = false;
  const log = (): string => join(world.service.folder, 'mail.log');

  beforeAll(async () => {
    world = await openRetentionWorld();
    world.service.clock.set('2096-11-20T12:00:00.000Z');
    await writeFile(log(), '');
    bus = createEmbeddedBus();
    const { store, clock } = world.service;
    const lossy = {
      ...store,
      insertEvents: (
        events: Parameters<typeof store.insertEvents>[0],
        options: { deduplicationToken: string },
      ) => {
        const kept = events.slice(drop);
        drop = Math.max(0, drop - events.length);
        return store.insertEvents(kept, options);
      },
    };
    await createIngester({ bus, store: lossy, clock, logger: silentLogger }).start();
    retention = world.retention({ period: { months: 1 }, sourceDays: createSourceDays(world.database) });
    await retention.tick();
  });
  afterAll(async () => {
    await collector?.stop();
    await bus.close();
    await world.stop();
  });

  function start(): Collector {
    const publisher: typeof bus = {
      ...bus,
      publish: async (topic, records) => {
        await bus.publish(topic, records);
        if (!dieAfterPublishing) return;
        // As a kill does: what was published is there, and nothing of this process goes on.
        dieAfterPublishing = false;
        throw Object.assign(new Error('killed'), { code: 'TEST_KILLED' });
      },
    };
    collector = createCollector({
      sources: [sourceConfigSchema.parse({ id: 'mx1', kind: 'file', path: log() })],
      publisher,
      tell: tellOver(bus),
      stateDirectory: join(world.service.folder, 'collector'),
      clock: world.service.clock,
      logger: silentLogger,
      timing: { pollMs: 5, settleMs: 20 },
      adapters: [countingAdapter],
    });
    collector.start();
    return collector;
  }

  const write = (...messages: string[]): Promise<void> =>
    appendFile(
      log(),
      messages.map((m) => `2096-11-20T10:00:00.000000+00:00 mx1 counting[7]: ${m}\n`).join(''),
    );

  /** Reads what is in the log, and tells what was counted. */
  async function collect(lines: number): Promise<void> {
    const reading = start();
    await until(() => reading.status()[0]?.lines === lines);
    await reading.stop();
    collector = undefined;
  }

  async function publishAndDie(): Promise<void> {
    dieAfterPublishing = true;
    const reading = start();
    await until(() => !dieAfterPublishing);
    await reading.stop();
  }

  /** The next day at one o'clock, when the sums of the last one are due. */
  async function nextDay(days = 1): Promise<void> {
    const { clock } = world.service;
    const midnight = Math.floor(clock.now() / dayMs) * dayMs;
    clock.set(new Date(midnight + days * dayMs + 3_600_000).toISOString());
    await retention.tick();
    expect(retention.status().fault).toBeNull();
    expect(retention.status().reconciliation?.fault).toBeNull();
  }

  const reconcile = (...args: string[]) => reconcileExport(world, ...args);

  it('match where nothing was lost, with lines that say nothing or were not understood', async () => {
    await write('open A', 'more A', 'close A', 'idle', 'what is this', 'close B');
    await collect(6);
    await nextDay();
    const { exitCode, days } = await reconcile();
    expect(days).toEqual([
      {
        day: '2096-11-20',
        source: 'mx1',
        lines: 6,
        repeated: 0,
        ignored: 1,
        notUnderstood: 1,
        understood: 4,
        gaps: 0,
        invalid: 0,
        events: 2,
        stored: 2,
        rows: 2,
        again: 0,
        rejected: 0,
        readAnew: 0,
        expired: 0,
        disclosed: 0,
        difference: { lines: 0, missing: 0, surplus: 0 },
      },
    ]);
    expect(exitCode).toBe(0);
    expect(retention.status().reconciliation?.differing).toEqual([]);
  });

  it('match after a kill between publication and commit, on one day and over midnight', async () => {
    await write('close C', 'close D');
    await publishAndDie();
    await collect(8);
    await nextDay();
    const { exitCode, days } = await reconcile();
    // The copies are two rows more, and no event more.
    expect([exitCode, days[1]]).toMatchObject([0, { events: 2, stored: 2, rows: 4, again: 0 }]);

    await write('close E');
    await publishAndDie();
    await nextDay();
    await collect(9);
    await nextDay();
    const after = await reconcile();
    expect([after.exitCode, after.told, after.days.slice(2)]).toMatchObject([
      0,
      [],
      [
        { day: '2096-11-22', events: 0, stored: 1, again: 1 },
        { day: '2096-11-23', events: 1, stored: 1, again: 0 },
      ],
    ]);
  });

  it('show an event that was lost on the way, and one that was refused is none', async () => {
    await write('close F', 'close G', 'close H');
    drop = 1;
    await collect(12);
    await nextDay();
    const { exitCode, days, told } = await reconcile('--from', '2096-11-24');
    expect([exitCode, days]).toMatchObject([
      1,
      [{ events: 3, stored: 2, difference: { lines: 0, missing: 1, surplus: 0 } }],
    ]);
    expect(told).toEqual(['2096-11-24 mx1: 1 of 3 events are neither stored nor refused']);
    expect(retention.status().reconciliation?.differing).toEqual([
      { day: '2096-11-24', source: 'mx1', lines: 0, missing: 1, surplus: 0 },
    ]);
    // The others' sums are as they were, and the command can be asked about them alone.
    expect((await reconcile('--to', '2096-11-23')).exitCode).toBe(0);
  });

  it('show rows that were deleted in the engine, and events that no collector made', async () => {
    await world.database.command(
      "ALTER TABLE traffic DELETE WHERE toDate(collectedAt) = '2096-11-21' AND queueId = 'C' SETTINGS mutations_sync = 2",
    );
    // What is refused may call its source anything: it is counted, and stops nothing.
    const nonsense = { sourceId: 'x'.repeat(5000), collectedAt: '2096-11-25T01:00:00.000Z' };
    await bus.publish(topics.traffic, [{ key: 'k', value: Buffer.from(JSON.stringify(nonsense)) }]);
    const foreign = { sourceId: 'elsewhere', collectedAt: '2096-11-25T02:00:00.000Z' };
    const value = Buffer.from(JSON.stringify(testEvent(foreign)));
    await bus.publish(topics.traffic, [{ key: 'k', value }]);
    await nextDay();
    const { exitCode, told } = await reconcile();
    expect(exitCode).toBe(1);
    expect(told).toEqual([
      '2096-11-21 mx1: 1 of 2 events are neither stored nor refused',
      '2096-11-24 mx1: 1 of 3 events are neither stored nor refused',
      '2096-11-25 (none): 1 events are stored or refused that no collector made',
      '2096-11-25 elsewhere: 1 events are stored or refused that no collector made',
    ]);
  });

  it('go on with the days: what expired is what was counted, and an auditor replays it all', async () => {
    // Past the end of 20 November's period, midnight by midnight, as the service lives through them.
    const { clock } = world.service;
    while (clock.now() < Date.parse('2096-12-24T00:00:00.000Z')) {
      const midnight = Math.floor(clock.now() / dayMs) * dayMs;
      clock.set(new Date(midnight + dayMs + 2000).toISOString());
      await retention.tick();
    }
    const { days, told } = await reconcile('--to', '2096-11-23');
    expect(told).toEqual(['2096-11-21 mx1: 1 of 2 events are neither stored nor refused']);
    expect(days.map(({ day, stored, expired }) => [day, stored, expired])).toEqual([
      ['2096-11-20', 2, 2],
      ['2096-11-21', 1, 1],
      ['2096-11-22', 1, 1],
      ['2096-11-23', 1, 1],
    ]);
    const replay = new Replay();
    const leaves: Uint8Array[] = [];
    for await (const { entry } of world.service.ledger.entries()) leaves.push(encodeEntry(entry));
    await replay.take(leaves, 0);
    expect(replay.report().problems).toEqual([]);
  });
});

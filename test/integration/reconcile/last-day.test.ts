import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Collector, createCollector, sourceConfigSchema, tellOver } from '#services/collector';
import { createIngester, type Ingester } from '#services/ingester';
import type { Retention } from '#services/retention';
import { type Bus, createEmbeddedBus } from '#shared/bus';
import { silentLogger } from '#shared/runtime';
import { createSourceDays } from '#shared/store';
import type { Person } from '../../support/test-service.ts';
import { until } from '../../unit/collector/pipeline/support.ts';
import { openRetentionWorld, type RetentionWorld } from '../retention/support.ts';
import { reconcileExport } from './support.ts';

const day = '2096-11-20';

describe('the sums of a day to which events come until the end of its period', () => {
  let world: RetentionWorld;
  let retention: Retention;
  let officer: Person;
  let bus: Bus;
  let ingester: Ingester;
  let isCutOff = true;
  const collectors: Collector[] = [];
  /** Sources of which a count with lines is in the store. */
  const counted: string[] = [];

  beforeAll(async () => {
    world = await openRetentionWorld();
    const { store, clock } = world.service;
    clock.set(`${day}T09:00:00.000Z`);
    officer = await world.service.enrol('officer');
    retention = world.retention({ sourceDays: createSourceDays(world.database) });
    await retention.tick();
    bus = createEmbeddedBus();
    ingester = createIngester({ bus, store, clock, logger: silentLogger });
    await ingester.start();
  });
  afterAll(async () => {
    for (const collector of collectors) await collector.stop();
    await bus.close();
    await world.stop();
  });

  /** A collector of its own for each source: it reads a refused recipient, which is one line and one event. */
  async function collect(source: string, reaches: () => boolean): Promise<void> {
    const path = join(world.service.folder, `${source}.log`);
    let tries = 0;
    const line = `NOQUEUE: reject: RCPT from mail.example.org[192.0.2.7]: 550 5.1.1 <last@example.nl>: Recipient address rejected: User unknown; from=<bob@example.org> to=<last@example.nl> proto=ESMTP helo=<mail.example.org>`;
    await appendFile(path, `${day}T08:00:00.000000+00:00 ${source} postfix/smtpd[1]: ${line}\n`);
    const collector = createCollector({
      sources: [sourceConfigSchema.parse({ id: source, kind: 'file', path })],
      publisher: {
        publish: async (topic, records) => {
          tries++;
          if (!reaches()) throw Object.assign(new Error('away'), { code: 'BUS_AWAY' });
          await bus.publish(topic, records);
        },
      },
      tell: async (tallies) => {
        await tellOver(bus)(tallies);
        counted.push(...tallies.filter(({ lines }) => lines > 0).map(({ sourceId }) => sourceId));
      },
      stateDirectory: join(world.service.folder, `collector-${source}`),
      clock: world.service.clock,
      logger: silentLogger,
      timing: { pollMs: 5, settleMs: 20 },
    });
    collectors.push(collector);
    collector.start();
    await until(() => tries > 0);
  }

  /** Time passes; somebody signs a request under the clock, and the service looks. */
  async function pass(at: string): Promise<void> {
    world.service.clock.set(at);
    await officer.call('GET', '/v1/orders');
    await retention.tick();
    expect(retention.status()).toMatchObject({ fault: null, reconciliation: { fault: null, differing: [] } });
  }

  it('match, with what was stored and what was refused on the last day, after the first rows expired', async () => {
    await collect('mx1', () => true);
    await until(() => ingester.stats().inserted === 1 && counted.includes('mx1'));
    // Two are cut off from what they read, half a year but an hour, and a little longer than that.
    await collect('mx2', () => !isCutOff);
    world.service.clock.set(`${day}T22:00:00.000Z`);
    await collect('mx3', () => !isCutOff);
    await pass('2096-11-21T01:00:00.000Z');
    await pass('2097-05-19T23:00:00.000Z');
    const sums = async () =>
      (await reconcileExport(world)).days.map(
        ({ source, events, stored, rejected, expired }) =>
          `${source} ${events} ${stored} ${rejected} ${expired}`,
      );
    expect(await sums()).toEqual(['mx1 1 1 0 0']);

    world.service.clock.set('2097-05-20T21:00:00.000Z');
    isCutOff = false;
    await until(() => ingester.stats().inserted === 2);
    await until(() => ingester.stats().rejected['retention.expired'] === 1);
    for (const collector of collectors.splice(0)) await collector.stop();
    // As it is at this moment, of a day of which only an hour may still be read.
    const [live] = await retention.figures({ from: day, to: day });
    expect(live?.sources).toMatchObject([
      { source: 'mx1', events: 1, stored: 1, rejected: 0 },
      { source: 'mx2', events: 1, stored: 0, rejected: 1 },
      { source: 'mx3', events: 1, stored: 1, rejected: 0 },
    ]);

    await pass('2097-05-21T00:00:02.000Z');
    expect(await world.days()).not.toContainEqual(expect.objectContaining({ table: 'traffic' }));
    expect(await sums()).toEqual(['mx1 1 1 0 1', 'mx2 1 0 1 0', 'mx3 1 1 0 1']);
    const { exitCode, told } = await reconcileExport(world);
    expect([exitCode, told]).toEqual([0, []]);
    const certified = (await world.entries()).filter(({ kind }) => kind === 'retention.certified').at(-1);
    expect(certified?.details.days).toContainEqual(
      expect.objectContaining({ place: 'traffic', day, rows: 2 }),
    );
  });
});

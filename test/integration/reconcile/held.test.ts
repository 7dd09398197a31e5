import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCollector, sourceConfigSchema, tellOver } from '#services/collector';
import { createIngester } from '#services/ingester';
import type { Retention } from '#services/retention';
import { createEmbeddedBus } from '#shared/bus';
import type { OrderDraft } from '#shared/orders';
import { silentLogger } from '#shared/runtime';
import { createSourceDays } from '#shared/store';
import { releasedRecords } from '../../support/released-records.ts';
import type { Person } from '../../support/test-service.ts';
import { until } from '../../unit/collector/pipeline/support.ts';
import { openRetentionWorld, type RetentionWorld } from '../retention/support.ts';
import { reconcileExport } from './support.ts';

const day = '2096-11-20';

describe('the sums of a day of which an order held records that have gone', () => {
  let world: RetentionWorld;
  let retention: Retention;
  let registrar: Person;
  let officer: Person;

  beforeAll(async () => {
    world = await openRetentionWorld();
    const { store, clock } = world.service;
    clock.set(`${day}T12:00:00.000Z`);
    registrar = await world.service.enrol('registrar');
    officer = await world.service.enrol('officer');
    retention = world.retention({ sourceDays: createSourceDays(world.database) });
    await retention.tick();
    const bus = createEmbeddedBus();
    const ingester = createIngester({ bus, store, clock, logger: silentLogger });
    await ingester.start();
    const path = join(world.service.folder, 'mail.log');
    await appendFile(path, ['kept', 'kept', 'other'].map(lineOf).join(''));
    const collector = createCollector({
      sources: [sourceConfigSchema.parse({ id: 'mx1', kind: 'file', path })],
      publisher: bus,
      tell: tellOver(bus),
      stateDirectory: join(world.service.folder, 'collector'),
      clock,
      logger: silentLogger,
      timing: { pollMs: 5, settleMs: 20 },
    });
    collector.start();
    await until(() => ingester.stats().inserted === 3);
    await collector.stop();
    await bus.close();
  });
  afterAll(() => world.stop());

  /** A refused recipient, which is one line and one event. */
  const lineOf = (name: string, second: number): string =>
    `${day}T11:00:0${second}.000000+00:00 mx1 postfix/smtpd[1]: NOQUEUE: reject: RCPT from mail.example.org[192.0.2.7]: 550 5.1.1 <${name}@example.nl>: Recipient address rejected: User unknown; from=<bob@example.org> to=<${name}@example.nl> proto=ESMTP helo=<mail.example.org>\n`;

  /** Time passes; somebody signs a request under the clock, and the service looks. */
  async function pass(at: string): Promise<void> {
    world.service.clock.set(at);
    await officer.call('GET', '/v1/orders');
    await retention.tick();
    expect(retention.status()).toMatchObject({ fault: null, reconciliation: { fault: null } });
  }

  const draft = (change: Partial<OrderDraft>): OrderDraft => {
    const now = new Date(world.service.clock.now()).toISOString();
    const about = world.service.orderDraft();
    return {
      ...about,
      scope: {
        ...about.scope,
        targets: [{ kind: 'address', value: 'kept@example.nl' }],
        to: '2096-12-01T00:00:00.000Z',
      },
      ...{ issuedAt: now, receivedAt: now, validUntil: '2098-01-01T00:00:00.000Z' },
      ...change,
    };
  };

  it('are no difference where a package has more of it than was left when it was counted last', async () => {
    await pass('2096-11-21T01:00:00.000Z');
    expect((await reconcileExport(world)).days).toMatchObject([{ day, events: 3, stored: 3 }]);
    await pass('2097-05-18T12:00:00.000Z');
    const preserving = await world.service.record(
      registrar,
      draft({ regime: 'EU_EPOC_PR', type: 'preserve', legalBasis: 'Article 6' }),
    );
    await pass('2097-05-18T12:01:00.000Z');
    // Lost by a fault of the engine after they were copied: of the day one is left, and two are held.
    await world.database.command(
      "ALTER TABLE traffic DELETE WHERE recipientAddress = 'kept@example.nl' SETTINGS mutations_sync = 2",
    );
    await pass('2097-05-19T12:00:00.000Z');
    const lost = `${day} mx1: 2 of 3 events are neither stored nor refused`;
    expect((await reconcileExport(world)).told).toEqual([lost]);
    await pass('2097-05-21T00:00:02.000Z');
    expect(await world.days()).toEqual([]);

    const orderId = await world.service.approvedOrder(draft({ preservedUnder: preserving }));
    await pass('2097-05-21T00:01:00.000Z');
    expect(await releasedRecords(world.service, officer, { orderId })).toHaveLength(2);
    const { told, days } = await reconcileExport(world);
    expect(days).toMatchObject([{ day, stored: 1, expired: 1, disclosed: 2 }]);
    expect(told).toEqual([lost]);
  });
});

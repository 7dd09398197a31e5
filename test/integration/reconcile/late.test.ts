import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Collector, createCollector, sourceConfigSchema, tellOver } from '#services/collector';
import { createIngester, type Ingester } from '#services/ingester';
import { type Bus, createEmbeddedBus } from '#shared/bus';
import { silentLogger } from '#shared/runtime';
import { expiresAt } from '#shared/store';
import { categoryIds } from '#shared/traffic';
import { until } from '../../unit/collector/pipeline/support.ts';
import { openRetentionWorld, type RetentionWorld } from '../retention/support.ts';

const dayMs = 86_400_000;
const period = { months: 6 };

describe('a collector that was cut off, from its log to the table', () => {
  let world: RetentionWorld;
  let bus: Bus;
  let ingester: Ingester;
  let collector: Collector | undefined;
  let isCutOff = false;
  let tries = 0;
  const log = (): string => join(world.service.folder, 'mail.log');

  beforeAll(async () => {
    world = await openRetentionWorld();
    bus = createEmbeddedBus();
    const { store, clock } = world.service;
    ingester = createIngester({ bus, store, clock, logger: silentLogger });
    await ingester.start();
  });
  afterAll(async () => {
    await collector?.stop();
    await bus.close();
    await world.stop();
  });

  function start(): Collector {
    collector = createCollector({
      sources: [sourceConfigSchema.parse({ id: 'mx1', kind: 'file', path: log() })],
      publisher: {
        publish: async (topic, records) => {
          tries++;
          if (isCutOff) throw Object.assign(new Error('away'), { code: 'BUS_AWAY' });
          await bus.publish(topic, records);
        },
      },
      tell: tellOver(bus),
      stateDirectory: join(world.service.folder, 'collector'),
      clock: world.service.clock,
      logger: silentLogger,
      timing: { pollMs: 5, settleMs: 20 },
    });
    collector.start();
    return collector;
  }

  /** A refused recipient, which is one line and one event. */
  const write = (n: number, at: number): Promise<void> =>
    appendFile(
      log(),
      `${new Date(at).toISOString().replace('Z', '+00:00')} mx1 postfix/smtpd[1]: NOQUEUE: reject: RCPT from mail.example.org[192.0.2.7]: 550 5.1.1 <late${n}@example.nl>: Recipient address rejected: User unknown; from=<bob@example.org> to=<late${n}@example.nl> proto=ESMTP helo=<mail.example.org>\n`,
    );

  async function readable(n: number, at: number): Promise<number> {
    const scope = {
      targets: [{ kind: 'address' as const, value: `late${n}@example.nl` }],
      from: '2090-01-01T00:00:00.000Z',
      to: '2099-01-01T00:00:00.000Z',
      categories: [...categoryIds],
      collectedUpTo: new Date(at).toISOString(),
    };
    const counts = await world.service.store.countScope(scope, { now: at });
    return Object.values(counts).reduce((sum, count) => sum + count, 0);
  }

  it('counts from collection what happened a week earlier, to the millisecond', async () => {
    const { clock } = world.service;
    await write(1, clock.now() - 7 * dayMs);
    const reading = start();
    await until(() => ingester.stats().inserted === 1);
    await reading.stop();
    const collectedAt = clock.now();
    const end = expiresAt(collectedAt, period);
    expect(await readable(1, end - 1)).toBe(1);
    expect(await readable(1, end)).toBe(0);
  });

  it('counts what was read and could not be handed over for a week from when it was read', async () => {
    const { clock } = world.service;
    isCutOff = true;
    tries = 0;
    await write(2, clock.now());
    const readAt = clock.now();
    const reading = start();
    await until(() => tries > 0);
    clock.advance(7 * dayMs);
    isCutOff = false;
    await until(() => ingester.stats().inserted === 2);
    await reading.stop();
    expect(await readable(2, expiresAt(readAt, period) - 1)).toBe(1);
    expect(await readable(2, expiresAt(readAt, period))).toBe(0);
  });

  it('refuses with a reason what was read longer ago than the period, and keeps of it whence it came alone', async () => {
    const { clock, database } = world.service;
    isCutOff = true;
    tries = 0;
    await write(3, clock.now());
    const reading = start();
    await until(() => tries > 0);
    clock.set(new Date(expiresAt(clock.now(), period)).toISOString());
    isCutOff = false;
    await until(() => ingester.stats().rejected['retention.expired'] === 1);
    await reading.stop();
    expect(ingester.stats().inserted).toBe(2);
    const rows: unknown[] = [];
    const text =
      "SELECT reason, value, valueBytes > 0 AS hadBytes, (SELECT count() FROM traffic WHERE recipientAddress LIKE 'late3@%') AS stored FROM rejected";
    for await (const group of database.rows({ text, parameters: {} })) rows.push(...group);
    const value = expect.stringMatching(
      /^\{"sourceId":"mx1","collectedAt":"\d{4}-\d\d-\d\d","eventId":"[0-9a-f]{32}"\}$/,
    );
    expect(rows).toEqual([{ reason: 'retention.expired', value, hadBytes: 1, stored: 0 }]);
    // It is handled: the collector's position is past it, and nothing waits.
    expect(reading.status()[0]).toMatchObject({ lines: 3, events: 3 });
  });
});

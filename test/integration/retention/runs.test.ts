import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { place } from '#services/retention';
import { Replay } from '#shared/control';
import { encodeEntry } from '#shared/ledger';
import { testEvent } from '../../support/events.ts';
import { rowsOf } from '../store/helpers.ts';
import { openRetentionWorld, type RetentionWorld } from './support.ts';

const dayMs = 86_400_000;
const hour = 3_600_000;

describe('the retention service over the real engine', () => {
  let world: RetentionWorld;
  let inserted = 0;
  beforeEach(async () => {
    world = await openRetentionWorld();
  });
  afterEach(() => world.stop());

  /** Rows collected at noon of a day, to which the clock is moved where it is before it. */
  const insertOn = async (day: string, count = 3): Promise<void> => {
    const { clock } = world.service;
    if (clock.now() < Date.parse(`${day}T12:00:00.000Z`)) clock.set(`${day}T12:00:00.000Z`);
    const events = Array.from({ length: count }, () =>
      testEvent({ collectedAt: `${day}T12:00:00.000Z`, occurredAt: `${day}T11:59:59.000Z` }),
    );
    await world.service.store.insertEvents(events, { deduplicationToken: `i-${++inserted}` });
  };
  /** Days of what goes by the day; the index of identifiers goes by the week. */
  const heldDays = async (): Promise<string[]> => [
    ...new Set((await world.days()).flatMap(({ table, day }) => (table === 'traffic_index' ? [] : [day]))),
  ];
  const kinds = async (): Promise<string[]> => (await world.entries()).map(({ kind }) => kind);
  const auditorReads = async (): Promise<void> => {
    const auditor = await world.service.enrol('auditor');
    await auditor.call('GET', '/v1/retention');
  };
  /** Time passes; somebody signs a request under the clock, as people do, and then the service looks. */
  const passDays = async (
    retention: ReturnType<RetentionWorld['retention']>,
    until: string,
  ): Promise<void> => {
    world.service.clock.set(until);
    await auditorReads();
    await retention.tick();
  };

  it('removes what was detached and what was rejected as well, and names both', async () => {
    await insertOn('2096-11-20');
    await insertOn('2096-11-21');
    const rejected = {
      coordinates: 'mail.traffic.v1/0/1',
      reason: 'schema.invalid',
      rejectedAt: '2096-11-20T12:00:00.000Z',
      valueBase64: 'e30=',
      valueBytes: 2,
      valueSha256: 'a'.repeat(64),
    };
    await world.service.store.insertRejected([rejected], { deduplicationToken: 'r' });
    await world.database.command("ALTER TABLE traffic DETACH PARTITION ID '20961120'");
    const retention = world.retention();
    await passDays(retention, '2097-05-20T23:59:59.998Z');
    expect((await world.days()).map(({ table, day, state }) => `${table} ${day} ${state}`)).toEqual([
      'rejected 2096-11-20 active',
      'traffic 2096-11-20 detached',
      'traffic_index_days 2096-11-20 active',
      'traffic 2096-11-21 active',
      'traffic_index_days 2096-11-21 active',
    ]);
    await passDays(retention, '2097-05-21T00:00:02.000Z');
    expect(await heldDays()).toEqual(['2096-11-21']);
    const certificate = (await world.entries()).at(-1);
    expect(certificate).toMatchObject({
      kind: 'retention.certified',
      details: {
        through: '2096-11-20',
        days: [
          { place: 'rejected', day: '2096-11-20', rows: 1 },
          { place: 'traffic', day: '2096-11-20', rows: 0 },
          { place: 'traffic_index_days', day: '2096-11-20' },
        ],
        places: [
          { place: 'traffic', outcome: 'gone' },
          { place: 'traffic_index', outcome: 'gone' },
          { place: 'traffic_index_days', outcome: 'gone' },
          { place: 'rejected', outcome: 'gone' },
          { place: 'held_traffic', outcome: 'gone' },
        ],
        next: [
          { place: 'traffic', day: '2096-11-21', rows: 3 },
          { place: 'traffic_index_days', day: '2096-11-21' },
        ],
      },
    });
  });

  it('keeps the engine from deleting by its own clock', async () => {
    await world.retention().tick();
    // By the real clock this has expired long ago: the engine would drop it with its next merge.
    await insertOn('2020-01-01');
    await world.database.command('SYSTEM START TTL MERGES traffic');
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(
      await rowsOf(
        world.database,
        "SELECT sum(rows) AS n FROM system.parts WHERE table = 'traffic' AND active",
      ),
    ).toEqual([{ n: 3 }]);
  });

  it('deletes nothing under a clock that was set ahead while it was down, until somebody signs under it', async () => {
    await insertOn('2096-11-20');
    await passDays(world.retention(), '2097-05-16T00:00:00.000Z');
    const before = (await kinds()).length;
    world.service.clock.set('2097-05-26T00:00:00.000Z');
    const restarted = world.retention();
    await restarted.tick();
    expect(restarted.status().clock).toMatchObject({ ok: false, code: 'clock.unconfirmed' });
    expect(await heldDays()).toEqual(['2096-11-20']);
    expect((await kinds()).length).toBe(before);
    await auditorReads();
    await restarted.tick();
    expect(restarted.status().clock).toEqual({ ok: true });
    expect(await heldDays()).toEqual([]);
  });

  it('deletes nothing while the clock is set ahead under it, and goes on when it is right again', async () => {
    await insertOn('2096-11-20');
    const retention = world.retention();
    await passDays(retention, '2097-05-16T00:00:00.000Z');
    world.service.clock.advance(10 * dayMs);
    world.skewMs = 10 * dayMs;
    for (let n = 0; n < 5; n++) {
      await retention.tick();
      world.service.clock.advance(hour);
    }
    expect(retention.status().clock).toMatchObject({ ok: false, code: 'clock.jumped' });
    expect(await heldDays()).toEqual(['2096-11-20']);
    world.service.clock.advance(-10 * dayMs);
    world.skewMs = 0;
    await retention.tick();
    expect(retention.status().clock).toEqual({ ok: true });
    await passDays(retention, '2097-05-21T00:00:02.000Z');
    expect(retention.status()).toMatchObject({ clock: { ok: true }, fault: null });
    expect(await heldDays()).toEqual([]);
  });

  it('says so and waits while the clock is set back', async () => {
    await insertOn('2096-11-20');
    const retention = world.retention();
    await passDays(retention, '2097-05-20T00:00:00.000Z');
    await retention.stop();
    world.service.clock.set('2097-05-17T00:00:00.000Z');
    const restarted = world.retention();
    await restarted.tick();
    expect(restarted.status()).toMatchObject({
      fault: null,
      clock: {
        ok: false,
        code: 'clock.behind_ledger',
        sentence: expect.stringContaining('2097-05-20T00:00:00Z'),
      },
    });
    world.service.clock.set('2097-05-21T00:00:02.000Z');
    await restarted.tick();
    expect(await heldDays()).toEqual([]);
  });

  it.each(['begin', 'drop'] as const)(
    'finishes a run that was cut off after its %s, and certifies it once',
    async (cutAfter) => {
      await insertOn('2096-11-20');
      const dying = world.retention({
        partitions: {
          drop: async (table, day) => {
            if (cutAfter === 'drop') await world.partitions.drop(table, day);
            throw new Error('killed');
          },
        },
      });
      await passDays(dying, '2097-05-21T00:00:02.000Z');
      expect((await kinds()).at(-1)).toBe('retention.started');
      const next = world.retention();
      await next.tick();
      await next.tick();
      const [started, certified] = (await world.entries()).slice(-2);
      expect([started?.kind, certified?.kind]).toEqual(['retention.started', 'retention.certified']);
      expect(certified?.details.days).toEqual(started?.details.days);
      expect(await heldDays()).toEqual([]);
    },
  );

  it('certifies nothing while something is left, and alarms a day after its time, once a day', async () => {
    await insertOn('2096-11-19');
    const stuck = world.retention({ partitions: { drop: async () => {} } });
    await passDays(stuck, '2097-05-20T00:00:02.000Z');
    expect(stuck.status().overdue).toEqual([]);
    expect(stuck.status().removing).toHaveLength(3);
    await passDays(stuck, '2097-05-21T00:00:02.000Z');
    await stuck.tick();
    expect(stuck.status().overdue).toEqual([
      { place: 'traffic', items: 1, oldest: '2096-11-19' },
      { place: 'traffic_index', items: 1, oldest: '2096-11-19' },
      { place: 'traffic_index_days', items: 1, oldest: '2096-11-19' },
    ]);
    expect((await kinds()).slice(-2)).toEqual(['retention.started', 'retention.overdue']);
    await world.retention().tick();
    expect((await kinds()).at(-1)).toBe('retention.certified');
  });

  it('holds back the certificate for another place, and says which could not be looked at', async () => {
    let spool: { items: number } | null = { items: 2 };
    const places = [
      place('spool', async () => spool),
      place('kafka_topics', async () => {
        throw Object.assign(new Error('away'), { code: 'kafka.unavailable' });
      }),
    ];
    const retention = world.retention({ places });
    await retention.tick();
    expect(await kinds()).toEqual(['retention.configured', 'retention.overdue']);
    spool = null;
    await retention.tick();
    expect((await world.entries()).at(-1)).toMatchObject({
      kind: 'retention.certified',
      details: {
        places: expect.arrayContaining([
          { place: 'spool', outcome: 'gone' },
          { place: 'kafka_topics', outcome: 'not_checked', reason: 'kafka.unavailable' },
        ]),
      },
    });
  });

  it('records each change of the period; a shorter one takes effect at once', async () => {
    await insertOn('2096-11-20');
    const half = world.retention();
    await passDays(half, '2097-02-20T12:00:00.000Z');
    await insertOn('2097-02-20');
    await passDays(half, '2097-03-01T00:00:00.000Z');
    await half.stop();
    const quarter = world.retention({ period: { months: 3 } });
    await quarter.tick();
    expect(await heldDays()).toEqual(['2097-02-20']);
    expect(quarter.status().overdue).toEqual([]);
    expect((await world.entries()).slice(-3)).toMatchObject([
      {
        kind: 'retention.configured',
        details: { version: 2, period: 'P3M', legalBasis: 'policy of the test' },
      },
      { kind: 'retention.started', details: { policyVersion: 2 } },
      { kind: 'retention.certified', details: { policyVersion: 2, through: '2096-11-30' } },
    ]);
    const longer = world.retention({ period: { months: 12 } });
    await longer.tick();
    expect((await world.entries()).at(-1)).toMatchObject({
      details: { policyVersion: 3, through: '2096-02-29' },
    });
  });

  it('leaves a ledger that an auditor replays without a problem', async () => {
    await insertOn('2096-11-20');
    const retention = world.retention();
    await passDays(retention, '2097-05-21T00:00:02.000Z');
    const replay = new Replay();
    const leaves: Uint8Array[] = [];
    for await (const { entry } of world.service.ledger.entries()) leaves.push(encodeEntry(entry));
    await replay.take(leaves, 0);
    expect(replay.report().problems).toEqual([]);
  });
});

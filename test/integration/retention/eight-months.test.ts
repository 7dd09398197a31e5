import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CheckedPlace, type RemovedDay, Replay } from '#shared/control';
import { encodeEntry } from '#shared/ledger';
import { dayOf, isDayExpired, isRetained } from '#shared/store';
import { eventIdFor, type TrafficEvent } from '#shared/traffic';
import { testEvent } from '../../support/events.ts';
import { aliceScope } from '../store/helpers.ts';
import { mondayOf, openRetentionWorld, type RetentionWorld } from './support.ts';

/** Events of a day. In the full run 21,000 (ROUNDS=21000): over five million in all. */
const perDay = Number(process.env.ROUNDS ?? 30);
const days = 245;
const dayMs = 86_400_000;
const period = { months: 6 };

interface Certificate {
  readonly through: string;
  readonly days: readonly RemovedDay[];
  readonly goneAt: string;
  readonly places: readonly CheckedPlace[];
  readonly next: readonly RemovedDay[];
}

describe(`eight months of ${perDay} events a day, by a moved clock and the real engine`, () => {
  let world: RetentionWorld;
  beforeAll(async () => {
    world = await openRetentionWorld();
  });
  afterAll(() => world.stop());

  it('no expired row is ever readable, each expired day is gone at once, and the certificates say what the engine said', async () => {
    const { clock, store } = world.service;
    const template = testEvent();
    const stored = new Map<string, number>();
    let retention = world.retention();
    await retention.tick();
    const start = clock.now();
    for (let n = 0; n < days; n++) {
      const midnight = Date.parse(`${dayOf(start + n * dayMs)}T00:00:00.000Z`);
      const events = Array.from({ length: perDay }, (_, i): TrafficEvent => {
        const collectedAt = midnight + Math.floor(((i + 0.5) / perDay) * dayMs);
        // Each seventh came late: what happened a week earlier counts from its collection all the same.
        const occurredAt = collectedAt - (i % 7 === 0 ? 7 * dayMs : 1000);
        return {
          ...template,
          eventId: eventIdFor('retention', String(n), i),
          occurredAt: new Date(occurredAt).toISOString(),
          collectedAt: new Date(collectedAt).toISOString(),
        };
      });
      for (let from = 0; from < events.length; from += 5000) {
        const batch = events.slice(from, from + 5000);
        await store.insertEvents(batch, { deduplicationToken: `day-${n}-${from}` });
      }
      stored.set(dayOf(midnight), perDay);
      // The next midnight, and two seconds later the service looks.
      clock.set(new Date(midnight + dayMs - 1).toISOString());
      if (n % 29 === 0) await expectReadableIsRetained(stored);
      clock.set(new Date(midnight + dayMs + 2000).toISOString());
      if (n % 40 === 39) {
        await retention.stop();
        retention = world.retention();
      }
      await retention.tick();
      const held = await world.held();
      const expired = held.filter(({ day }) => isDayExpired(day, clock.now(), period));
      expect(expired, `on ${dayOf(clock.now())}`).toEqual([]);
      const status = retention.status();
      expect(status.fault).toBeNull();
      expect(status.clock).toEqual({ ok: true });
    }
    await retention.stop();

    const entries = await world.entries();
    const certificates = entries
      .filter(({ kind }) => kind === 'retention.certified')
      .map(({ details }) => details as unknown as Certificate);
    // Each day that went is certified once, with the rows that were stored of it, by the midnight at which it ended.
    const certified = certificates.flatMap((certificate) =>
      certificate.days.map((removed) => ({ ...removed, goneAt: certificate.goneAt })),
    );
    const gone = [...stored.keys()].filter((day) => isDayExpired(day, clock.now(), period));
    expect(gone.length).toBeGreaterThan(55);
    const ofTraffic = certified.filter(({ place }) => place === 'traffic');
    expect(ofTraffic.map(({ day, rows }) => [day, rows])).toEqual(gone.map((day) => [day, perDay]));
    // Where identifiers are found goes with what they are found in; a week of it with its first day.
    const daysOf = (table: string): string[] =>
      certified.filter(({ place }) => place === table).map(({ day }) => day);
    expect(daysOf('traffic_index_days')).toEqual(gone);
    const mondays = [...new Set([...stored.keys()].map(mondayOf))];
    expect(daysOf('traffic_index')).toEqual(
      mondays.filter((monday) => isDayExpired(monday, clock.now(), period)),
    );
    for (const { day, goneAt } of certified) {
      expect(isRetained(Date.parse(`${day}T23:59:59.999Z`), Date.parse(goneAt), period)).toBe(false);
    }
    // A certificate each day, also while nothing was past its time; each foretells what the next one removes.
    const throughs = certificates.map(({ through }) => through);
    expect(throughs).toEqual(throughs.toSorted());
    expect(certificates.length).toBeGreaterThanOrEqual(days);
    for (const [index, { days: removed }] of certificates.entries()) {
      const before = certificates[index - 1]?.next ?? [];
      for (const { place, day, rows } of removed) {
        expect(before.find((next) => next.place === place && next.day === day)?.rows ?? rows).toBe(rows);
      }
    }
    expect(entries.filter(({ kind }) => kind === 'retention.overdue')).toEqual([]);
    // The engine's tables hold what is retained, and nothing else.
    const held = (await world.held()).filter(({ state }) => state === 'active');
    const rows = held.filter(({ table }) => table === 'traffic');
    expect(held.filter(({ table }) => table === 'traffic_index_days').map(({ day }) => day)).toEqual(
      rows.map(({ day }) => day),
    );
    expect(rows.reduce((sum, { rows: n }) => sum + n, 0)).toBe((days - gone.length) * perDay);
  }, 7_200_000);

  it('and an auditor replays the ledger without a problem', async () => {
    const replay = new Replay();
    const leaves: Uint8Array[] = [];
    for await (const { entry } of world.service.ledger.entries()) leaves.push(encodeEntry(entry));
    await replay.take(leaves, 0);
    expect(replay.report().problems).toEqual([]);
    expect(replay.state.retention.openRun).toBeNull();
  });

  async function expectReadableIsRetained(stored: ReadonlyMap<string, number>): Promise<void> {
    const { clock, store } = world.service;
    const now = clock.now();
    const counts = await store.countScope(aliceScope, { now });
    const readable = Object.values(counts).reduce((sum, count) => sum + count, 0);
    let retained = 0;
    for (const day of stored.keys()) {
      const midnight = Date.parse(`${day}T00:00:00.000Z`);
      for (let i = 0; i < perDay; i++) {
        const collectedAt = midnight + Math.floor(((i + 0.5) / perDay) * dayMs);
        if (isRetained(collectedAt, now, period)) retained++;
      }
    }
    expect(readable).toBe(retained);
  }
});

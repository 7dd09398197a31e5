import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Retention } from '#services/retention';
import { type CheckedPlace, type RemovedDay, Replay } from '#shared/control';
import { encodeEntry } from '#shared/ledger';
import { shippedRegimes } from '#shared/regimes';
import { dayOf, isDayExpired, isRetained } from '#shared/store';
import { eventIdFor, type TrafficEvent } from '#shared/traffic';
import { fillTable } from '../../bench/generate/fill.ts';
import { testEvent } from '../../support/events.ts';
import { aliceScope } from '../store/helpers.ts';
import { type Preserved, preservedDays, preservedIn } from './preserved.ts';
import { mondayOf, openRetentionWorld, type RetentionWorld } from './support.ts';

/** Events of a day, generated in the engine. In the full run 21,000 (ROUNDS=21000): over five million in all. */
const perDay = Number(process.env.ROUNDS ?? 150);
/** Events to alice besides, of which each is known here. */
const ofAlice = 10;
const days = 245;
/** Each day in the full run; a few days each month are enough to see that it works. */
const everyDays = perDay >= 1000 ? 1 : 12;
const dayMs = 86_400_000;
const period = { months: 6 };
/** At noon of this day an order to preserve is recorded: of the first days, which go a few days later. */
const preservedOn = 176;
/** What happened on the days up to this one is preserved: all have gone when it is asked for. */
const preservedUpTo = 20;

interface Certificate {
  readonly through: string;
  readonly days: readonly RemovedDay[];
  readonly goneAt: string;
  readonly places: readonly CheckedPlace[];
  readonly next: readonly RemovedDay[];
}

describe(`eight months of ${perDay} events a day, by a moved clock and the real engine`, () => {
  let world: RetentionWorld;
  let retention: Retention;
  /** Rows of each day as they were stored, by the engine's own count after each insert. */
  const stored = new Map<string, number>();
  const ofAliceStored: TrafficEvent[] = [];
  let preserved: Preserved;
  beforeAll(async () => {
    world = await openRetentionWorld();
    retention = world.retention();
    preserved = preservedIn(world);
    await retention.tick();
  });
  afterAll(() => world.stop());

  /**
   * What is done on each day, in this order, with 00:00 UTC of the day. What else lives through the months is a
   * step more.
   */
  const steps: readonly ((n: number, midnight: number) => Promise<void>)[] = [
    storeDay,
    expectReadableAtNoon,
    preserveAtNoon,
    expectReadableBeforeMidnight,
    restartAndLook,
    expectNothingPastItsTime,
    expectPreservedIsGone,
  ];

  it('no expired row is ever readable, each expired day is gone at once, and the certificates say what the engine said', async () => {
    const { clock } = world.service;
    const start = Math.floor(clock.now() / dayMs) * dayMs;
    for (let n = 0; n < days; n++) for (const step of steps) await step(n, start + n * dayMs);
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
    expect(gone.length).toBeGreaterThan(Math.floor(55 / everyDays));
    const ofTraffic = certified.filter(({ place }) => place === 'traffic');
    expect(ofTraffic.map(({ day, rows }) => [day, rows])).toEqual(gone.map((day) => [day, stored.get(day)]));
    // Where identifiers are found goes with what they are found in; a week of it with its first day.
    const daysOf = (table: string): string[] =>
      certified.filter(({ place }) => place === table).map(({ day }) => day);
    expect(daysOf('traffic_index_days')).toEqual(gone);
    const mondays = [...new Set([...stored.keys()].map(mondayOf))];
    expect(daysOf('traffic_index')).toEqual(
      mondays.filter((monday) => isDayExpired(monday, clock.now(), period)),
    );
    for (const { day, goneAt } of certified) {
      const end = Date.parse(`${day}T23:59:59.999Z`);
      expect(isRetained(end, Date.parse(goneAt), period)).toBe(false);
      // Within a day of its time, and in truth within seconds.
      expect(isRetained(end, Date.parse(goneAt) - dayMs, period)).toBe(true);
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
    const held = (await world.days()).filter(({ state }) => state === 'active');
    const rows = held.filter(({ table }) => table === 'traffic');
    expect(held.filter(({ table }) => table === 'traffic_index_days').map(({ day }) => day)).toEqual(
      rows.map(({ day }) => day),
    );
    const kept = [...stored].filter(([day]) => !gone.includes(day)).reduce((sum, [, n]) => sum + n, 0);
    expect(rows.reduce((sum, { rows: n }) => sum + n, 0)).toBe(kept);
    // Nor is a folder of them on the disk: the engine names a part after its day.
    const parts = (await readdir(join(world.service.folder, 'engine'), { recursive: true })).filter((path) =>
      gone.some((day) => path.includes(`/${day.replaceAll('-', '')}_`)),
    );
    expect(parts).toEqual([]);
  }, 7_200_000);

  it('and an auditor replays the ledger without a problem', async () => {
    const replay = new Replay(undefined, shippedRegimes());
    const leaves: Uint8Array[] = [];
    for await (const { entry } of world.service.ledger.entries()) leaves.push(encodeEntry(entry));
    await replay.take(leaves, 0);
    expect(replay.report().problems).toEqual([]);
    expect(replay.state.retention.openRun).toBeNull();
  });

  async function storeDay(n: number, midnight: number): Promise<void> {
    const { store } = world.service;
    if (n % everyDays !== 0) return;
    const before = await rowsByDay();
    await fillTable(world.database, 'traffic', { events: perDay, days: 1, start: midnight, seed: n });
    const events = Array.from({ length: ofAlice }, (_, i): TrafficEvent => {
      const collectedAt = midnight + offsetOf(i);
      // Each seventh came late: what happened a week earlier counts from its collection all the same.
      const occurredAt = collectedAt - (i % 7 === 0 ? 7 * dayMs : 1000);
      return {
        ...testEvent(),
        eventId: eventIdFor('retention', String(n), i),
        occurredAt: new Date(occurredAt).toISOString(),
        collectedAt: new Date(collectedAt).toISOString(),
      };
    });
    ofAliceStored.push(...events);
    await store.insertEvents(events, { deduplicationToken: `day-${n}` });
    // What happens shortly before midnight is collected after it, and counts for the next day.
    for (const [day, rows] of await rowsByDay()) {
      const more = rows - (before.get(day) ?? 0);
      if (more > 0) stored.set(day, (stored.get(day) ?? 0) + more);
    }
  }

  async function expectReadableAtNoon(n: number, midnight: number): Promise<void> {
    world.service.clock.set(new Date(midnight + dayMs / 2).toISOString());
    if (n % 29 === 0) await expectReadableIsRetained(n, midnight);
    if (n % everyDays === 0) await expectFirstReadableIsRetained();
  }

  /** Recorded before what it keeps has gone; asked for after that; to its end sixty days later. */
  async function preserveAtNoon(n: number): Promise<void> {
    const first = Math.floor(world.service.clock.now() / dayMs) - n;
    const before = new Date((first + preservedUpTo) * dayMs).toISOString();
    if (n === preservedOn) await preserved.place(before);
    if (n === preservedOn + 40) await preserved.refer();
    if (n === preservedOn + 41) await preserved.expectKept(ofAliceStored);
    if (n === preservedOn + preservedDays) await preserved.expectEnd(ofAliceStored);
  }

  async function expectPreservedIsGone(n: number): Promise<void> {
    if (n === preservedOn + preservedDays) await preserved.expectGone();
  }

  async function expectReadableBeforeMidnight(n: number, midnight: number): Promise<void> {
    world.service.clock.set(new Date(midnight + dayMs - 1).toISOString());
    if (n % 29 === 0) await expectReadableIsRetained(n, midnight);
    await expectFirstReadableIsRetained();
  }

  /** The next midnight, and two seconds later the service looks. */
  async function restartAndLook(n: number, midnight: number): Promise<void> {
    world.service.clock.set(new Date(midnight + dayMs + 2000).toISOString());
    if (n % 40 === 39) {
      await retention.stop();
      retention = world.retention();
    }
    await retention.tick();
  }

  async function expectNothingPastItsTime(): Promise<void> {
    const { clock } = world.service;
    const held = await world.days();
    const expired = held.filter(({ day }) => isDayExpired(day, clock.now(), period));
    expect(expired, `on ${dayOf(clock.now())}`).toEqual([]);
    expect(retention.status()).toMatchObject({ fault: null, clock: { ok: true } });
  }

  /** Of all rows the first that is shown is retained at this moment. */
  async function expectFirstReadableIsRetained(): Promise<void> {
    const now = world.service.clock.now();
    const window = await world.service.store.dataWindow(now);
    expect(isRetained(Date.parse(window?.firstCollectedAt ?? ''), now, period)).toBe(true);
  }

  /** Of alice's events those are found that are retained, and no others. @param n days are stored up to it */
  async function expectReadableIsRetained(n: number, midnight: number): Promise<void> {
    const { clock, store } = world.service;
    const now = clock.now();
    const counts = await store.countScope(aliceScope, { now });
    const readable = Object.values(counts).reduce((sum, count) => sum + count, 0);
    let retained = 0;
    for (let back = n % everyDays; back <= n; back += everyDays) {
      for (let i = 0; i < ofAlice; i++) {
        if (isRetained(midnight - back * dayMs + offsetOf(i), now, period)) retained++;
      }
    }
    expect(readable).toBe(retained);
  }

  const offsetOf = (i: number): number => Math.floor(((i + 0.5) / ofAlice) * dayMs);

  async function rowsByDay(): Promise<Map<string, number>> {
    const held = (await world.days()).filter(({ table, state }) => table === 'traffic' && state === 'active');
    return new Map(held.map(({ day, rows }) => [day, rows]));
  }
});

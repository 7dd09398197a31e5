import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxRunDays } from '#shared/control';
import { planRun } from '#shared/retention';
import { type DayHeld, dayExpiresAt, dayOf, isDayExpired, isRetained, lastExpiredDay } from '#shared/store';

const at = (iso: string): number => Date.parse(iso);
const day = 86_400_000;
const held = (name: string, change: Partial<DayHeld> = {}): DayHeld => ({
  table: 'traffic',
  day: name,
  state: 'active',
  rows: 10,
  bytes: 100,
  ...change,
});

describe('a day goes as a whole', () => {
  it.each([
    ['2026-05-22', '2026-11-22T23:59:59.999Z'],
    ['2026-08-31', '2027-02-28T23:59:59.999Z'],
    ['2026-08-28', '2027-02-28T23:59:59.999Z'],
    ['2027-08-31', '2028-02-29T23:59:59.999Z'],
    ['2027-08-29', '2028-02-29T23:59:59.999Z'],
    ['2026-12-31', '2027-06-30T23:59:59.999Z'],
    // In the nights in which Amsterdam's clocks change: UTC has none of it.
    ['2026-03-29', '2026-09-29T23:59:59.999Z'],
    ['2026-10-25', '2027-04-25T23:59:59.999Z'],
  ])('%s at %s and not a millisecond before', (name, end) => {
    expect(new Date(dayExpiresAt(name, { months: 6 })).toISOString()).toBe(end);
    expect(isDayExpired(name, at(end) - 1, { months: 6 })).toBe(false);
    expect(isDayExpired(name, at(end), { months: 6 })).toBe(true);
  });

  it('never while one of its events may be read, and always once none may', () => {
    const month = fc.integer({ min: 1, max: 24 });
    const time = fc.integer({ min: at('2024-01-01T00:00:00Z'), max: at('2034-01-01T00:00:00Z') });
    fc.assert(
      fc.property(time, time, month, (collectedAt, now, months) => {
        if (isDayExpired(dayOf(collectedAt), now, { months })) {
          expect(isRetained(collectedAt, now, { months })).toBe(false);
        } else {
          const last = at(`${dayOf(collectedAt)}T23:59:59.999Z`);
          expect(isRetained(last, now, { months })).toBe(true);
        }
      }),
    );
  });

  it('and the last of them is known', () => {
    const time = fc.integer({ min: at('2024-01-01T00:00:00Z'), max: at('2034-01-01T00:00:00Z') });
    fc.assert(
      fc.property(time, fc.integer({ min: 1, max: 24 }), (now, months) => {
        const last = lastExpiredDay(now, { months });
        expect(isDayExpired(last, now, { months })).toBe(true);
        expect(isDayExpired(dayOf(at(`${last}T00:00:00.000Z`) + day), now, { months })).toBe(false);
      }),
    );
  });
});

describe('what a run removes', () => {
  const now = at('2026-11-23T00:00:00.000Z');

  it('is every day past its time, in every state, and none that may be read', () => {
    const plan = planRun(
      [
        held('2026-05-20', { state: 'detached', rows: 0 }),
        held('2026-05-22'),
        held('2026-05-22', { state: 'inactive', rows: 7, bytes: 50 }),
        held('2026-05-22', { table: 'rejected', rows: 1, bytes: 9 }),
        held('2026-05-23'),
      ],
      now,
      { months: 6 },
    );
    expect(plan.through).toBe('2026-05-22');
    expect(plan.expired).toEqual([
      { place: 'traffic', day: '2026-05-20', rows: 0, bytes: 100 },
      { place: 'rejected', day: '2026-05-22', rows: 1, bytes: 9 },
      { place: 'traffic', day: '2026-05-22', rows: 10, bytes: 150 },
    ]);
    expect(plan.next.map((next) => next.day)).toEqual(['2026-05-23']);
  });

  it('has as many days as an entry holds, the oldest first', () => {
    const days = Array.from({ length: maxRunDays + 5 }, (_, i) =>
      held(dayOf(at('2025-01-01T00:00:00Z') + i * day)),
    );
    const plan = planRun(days.toReversed(), now, { months: 6 });
    expect(plan.expired).toHaveLength(maxRunDays);
    expect(plan.expired[0]?.day).toBe('2025-01-01');
    expect(plan.more).toBe(true);
  });
});

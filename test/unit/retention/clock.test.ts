import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClockGuard, type ClockReading, clockBounds } from '#shared/retention';

const noon = Date.parse('2026-11-22T12:00:00.000Z');
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** All clocks agree, and the ledger is an hour old; members given replace their own. */
const reading = (change: Partial<ClockReading> = {}): ClockReading => {
  const wall = change.wall ?? noon;
  return {
    wall,
    monotonic: 1000,
    ledgerService: wall,
    latestEntry: noon - hour,
    believed: noon - hour,
    size: 10,
    signedSize: 5,
    engine: wall,
    newestRow: noon - minute,
    ...change,
  };
};
const codeOf = (guard: ClockGuard, change: Partial<ClockReading>): string | null => {
  const verdict = guard.judge(reading(change));
  return verdict.ok ? null : verdict.code;
};

describe('the clock, before anything is deleted by it', () => {
  it('is believed where all clocks agree', () => {
    expect(new ClockGuard().judge(reading())).toEqual({ ok: true });
  });

  it.each<[string, Partial<ClockReading>]>([
    ['clock.behind_ledger', { wall: noon - 3 * day, newestRow: null }],
    ['clock.behind_rows', { wall: noon - 2 * hour, latestEntry: noon - 3 * hour }],
    ['clock.unconfirmed', { wall: noon + 10 * day }],
    ['clock.unconfirmed', { wall: noon - hour + clockBounds.silence + 1 }],
    ['clock.services_differ', { engine: noon + 6 * minute }],
    ['clock.services_differ', { ledgerService: noon - 6 * minute }],
  ])('%s where it was set wrong while the service was down', (code, change) => {
    const verdict = new ClockGuard().judge(reading(change));
    expect(verdict).toMatchObject({ ok: false, code });
    expect(verdict.ok ? '' : verdict.sentence).toContain('Nothing is deleted until then');
  });

  it('is believed after a week without the service once a person signed a request under it', () => {
    const guard = new ClockGuard();
    const wall = noon + 7 * day;
    expect(codeOf(guard, { wall })).toBe('clock.unconfirmed');
    expect(codeOf(guard, { wall, latestEntry: wall, believed: wall, size: 11, signedSize: 11 })).toBeNull();
  });

  it('that jumps while the service runs is not believed until it is back', () => {
    const guard = new ClockGuard();
    expect(codeOf(guard, {})).toBeNull();
    for (const jump of [20 * minute, 10 * hour, 3 * day, -20 * minute]) {
      const jumped = { wall: noon + minute + jump, monotonic: 1000 + minute, newestRow: null };
      expect(codeOf(guard, jumped)).toBe('clock.jumped');
      // The service's own entries, dated by the wrong clock, confirm nothing.
      const own = { latestEntry: jumped.wall, believed: jumped.wall, size: 12 };
      expect(codeOf(guard, { ...jumped, ...own })).toBe('clock.jumped');
      expect(codeOf(guard, { wall: noon + 2 * minute, monotonic: 1000 + 2 * minute })).toBeNull();
    }
  });

  it('that jumped is believed again after a signed request, and not by one from before', () => {
    const guard = new ClockGuard();
    expect(codeOf(guard, {})).toBeNull();
    const jumped = { wall: noon + 3 * hour, monotonic: 1000 + minute, newestRow: null };
    expect(codeOf(guard, { ...jumped, size: 10, signedSize: 10 })).toBe('clock.jumped');
    expect(codeOf(guard, { ...jumped, size: 11, signedSize: 10 })).toBe('clock.jumped');
    expect(codeOf(guard, { ...jumped, believed: jumped.wall, size: 12, signedSize: 12 })).toBeNull();
    expect(codeOf(guard, { ...jumped, believed: jumped.wall, size: 12, signedSize: 12 })).toBeNull();
  });

  it('never lets more time pass than really did, whatever it is set to', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            passed: fc.integer({ min: 0, max: day }),
            offset: fc.integer({ min: -9 * day, max: 9 * day }),
          }),
          {
            maxLength: 30,
          },
        ),
        (steps) => {
          const guard = new ClockGuard();
          let truth = noon;
          guard.judge(reading());
          for (const { passed, offset } of steps) {
            truth += passed;
            const wall = truth + offset;
            const own = { latestEntry: noon, believed: wall, newestRow: null };
            const verdict = guard.judge(reading({ wall, monotonic: 1000 + truth - noon, ...own }));
            // Each time that it is believed it may be off by the bound, and begins anew from there.
            if (verdict.ok)
              expect(Math.abs(wall - truth)).toBeLessThanOrEqual(clockBounds.agreement * (steps.length + 1));
          }
        },
      ),
    );
  });
});

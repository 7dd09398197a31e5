import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ClockStop, currentDeadline, scheduleOf } from '#shared/orders';
import { shippedRegimes } from '#shared/regimes';

const regime = (id: string) => {
  const found = shippedRegimes().get(id);
  if (!found) throw new Error(id);
  return found;
};
const receivedAt = '2026-11-20T08:00:00.000Z';
const times = (id: string, change: object = {}) =>
  scheduleOf(regime(id), { receivedAt, emergency: false, ...change });

describe('the times that follow from an order', () => {
  it('a European Production Order: ten days, eight hours in an emergency, whatever the order allows beyond', () => {
    expect(times('EU_EPOC').deadline).toEqual({
      at: '2026-11-30T08:00:00.000Z',
      alarmAt: '2026-11-28T08:00:00.000Z',
    });
    expect(times('EU_EPOC', { emergency: true }).deadline).toEqual({
      at: '2026-11-20T16:00:00.000Z',
      alarmAt: '2026-11-20T14:00:00.000Z',
    });
    const later = { deadlineAt: '2027-01-01T00:00:00.000Z' };
    expect(times('EU_EPOC', later).deadline?.at).toBe('2026-11-30T08:00:00.000Z');
    const earlier = { deadlineAt: '2026-11-21T00:00:00.000Z' };
    // The alarm is not raised before there is an order.
    expect(times('EU_EPOC', earlier).deadline).toEqual({ at: earlier.deadlineAt, alarmAt: receivedAt });
  });

  it('a Dutch one: as ordered, or none; a preservation order: no deadline, and how long it keeps', () => {
    expect(times('NL_DOMESTIC')).toEqual({});
    expect(times('NL_DOMESTIC', { deadlineAt: '2026-12-01T00:00:00.000Z' }).deadline?.at).toBe(
      '2026-12-01T00:00:00.000Z',
    );
    expect(times('EU_EPOC_PR', { deadlineAt: '2026-12-01T00:00:00.000Z' })).toEqual({
      preservation: {
        until: '2027-01-19T08:00:00.000Z',
        extension: 'P30D',
        extensions: 1,
        confirmed: 'P90D',
      },
    });
  });

  it('a notification: release waits ten days, but in an emergency; objection within ten days or 96 hours', () => {
    const notifiedAt = '2026-11-20T09:00:00.000Z';
    expect(times('EU_EPOC', { notifiedAt })).toEqual({
      // It is not due before it may be released.
      deadline: { at: '2026-11-30T09:00:00.000Z', alarmAt: '2026-11-28T09:00:00.000Z' },
      notification: { waitUntil: '2026-11-30T09:00:00.000Z', objectUntil: '2026-11-30T09:00:00.000Z' },
    });
    expect(times('EU_EPOC', { notifiedAt, emergency: true })).toEqual({
      deadline: { at: '2026-11-20T16:00:00.000Z', alarmAt: '2026-11-20T14:00:00.000Z' },
      notification: { objectUntil: '2026-11-24T09:00:00.000Z' },
    });
  });
});

describe('a clock that stands still', () => {
  const deadline = { at: '2026-11-30T08:00:00.000Z', alarmAt: '2026-11-28T08:00:00.000Z' };
  const at = (stops: readonly ClockStop[], now: string) => currentDeadline(deadline, receivedAt, stops, now);

  it('moves the deadline by as long as it stood, to the millisecond', () => {
    const stop = { from: '2026-11-22T00:00:00.000Z', to: '2026-11-23T00:00:00.001Z' };
    expect(at([stop], '2026-11-24T00:00:00.000Z')).toMatchObject({
      dueAt: '2026-12-01T08:00:00.001Z',
      alarmAt: '2026-11-29T08:00:00.001Z',
      stopped: false,
    });
  });

  it('moves it on while the answer is awaited', () => {
    const open = [{ from: '2026-11-22T00:00:00.000Z' }];
    expect(at(open, '2026-11-22T00:00:00.000Z')).toMatchObject({ dueAt: deadline.at, stopped: true });
    expect(at(open, '2027-01-01T00:00:00.000Z')).toMatchObject({
      dueAt: '2027-01-09T08:00:00.000Z',
      stopped: true,
    });
  });

  it('does not begin to stand still after the deadline: what was missed stays missed', () => {
    const late = [{ from: '2026-11-30T08:00:00.001Z' }];
    expect(at(late, '2026-12-05T00:00:00.000Z')).toMatchObject({ dueAt: deadline.at, stopped: false });
    const last = [{ from: '2026-11-30T08:00:00.000Z' }];
    expect(at(last, '2026-12-05T00:00:00.000Z').stopped).toBe(true);
  });

  it('property: what is left is what was there, less the time that ran', () => {
    const hour = 3_600_000;
    const start = Date.parse(receivedAt);
    const iso = (ms: number): string => new Date(ms).toISOString();
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 100 })), {
          maxLength: 6,
        }),
        fc.integer({ min: 0, max: 20 }),
        (spans, rest) => {
          // Runs and stops in turn: the running time alone counts, as long as it is not used up.
          let clock = start;
          let ran = 0;
          const stops = spans.map(([run, stop]) => {
            ran += run;
            const from = clock + run * hour;
            clock = from + stop * hour;
            return { from: iso(from), to: iso(clock) };
          });
          const left = Date.parse(deadline.at) - start - (ran + rest) * hour;
          expect(at(stops, iso(clock + rest * hour)).leftMs).toBe(left);
        },
      ),
    );
  });
});

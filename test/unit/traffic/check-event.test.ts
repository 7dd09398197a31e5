import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkEvent, type TrafficEvent, trafficEventSchema } from '#shared/traffic';
import { anyEvent, fields, fullEvent, memberValues } from '../ingester/fast-path-records.ts';

/** Of some of them no JSON can be read. */
const values = memberValues.flatMap((json): unknown[] => {
  try {
    return [JSON.parse(json)];
  } catch {
    return [];
  }
});

/** @returns whether it is an event */
function agrees(value: TrafficEvent): boolean {
  const [quick, whole] = [checkEvent(value), trafficEventSchema.safeParse(value)];
  expect(quick.success).toBe(whole.success);
  if (quick.success) expect(JSON.stringify(quick.data)).toBe(JSON.stringify(whole.data));
  else expect(quick.error.issues).toEqual(whole.error?.issues);
  return quick.success;
}

describe('an event that is checked by its canonical form', () => {
  it('is what the schema makes of it, its members in whatever order', () => {
    fc.assert(
      fc.property(anyEvent, fc.nat(), (event, turn) => {
        const members = Object.entries(event);
        const at = turn % members.length;
        const turned = Object.fromEntries([...members.slice(at), ...members.slice(0, at)]);
        expect(agrees(turned as TrafficEvent)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('is refused as the schema refuses it, at the edge of any field', () => {
    let valid = 0;
    for (const field of fields) {
      for (const value of values) {
        if (agrees({ ...fullEvent, [field]: value } as TrafficEvent)) valid += 1;
      }
    }
    expect(valid).toBeGreaterThan(1000);
  });

  it.each([
    ['an unknown member', { subject: 'x' }],
    ['a member without a value', { queueId: undefined }],
    ['an unknown one without', { subject: undefined }],
    ['an object that JSON writes as a text', { outcome: Object('sent') }],
    ['a date', { occurredAt: new Date(0) }],
    ['no number', { sizeOctets: Number.NaN }],
    ['a fraction', { sizeOctets: 1.5 }],
    ['a text that only looks like JSON', { outcome: 'sent","type":"x' }],
  ])('agrees on %s', (_, change) => {
    agrees({ ...fullEvent, ...change } as unknown as TrafficEvent);
  });
});

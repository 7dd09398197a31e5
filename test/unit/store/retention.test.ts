import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expiresAt, isRetained, parseRetentionPeriod } from '#shared/store';

const at = (iso: string): number => Date.parse(iso);
const expiry = (iso: string, months = 6): string => new Date(expiresAt(at(iso), { months })).toISOString();

describe('the retention period', () => {
  it('ends at the same time of day, six calendar months after collection', () => {
    expect(expiry('2026-01-15T12:34:56.789Z')).toBe('2026-07-15T12:34:56.789Z');
    expect(expiry('2026-09-30T00:00:00.000Z')).toBe('2027-03-30T00:00:00.000Z');
  });

  it('ends on the last day of a month that has no such day, also in leap years', () => {
    expect(expiry('2026-08-31T10:00:00.000Z')).toBe('2027-02-28T10:00:00.000Z');
    expect(expiry('2027-08-31T10:00:00.000Z')).toBe('2028-02-29T10:00:00.000Z');
    expect(expiry('2027-08-29T10:00:00.000Z')).toBe('2028-02-29T10:00:00.000Z');
    expect(expiry('2026-03-31T10:00:00.000Z')).toBe('2026-09-30T10:00:00.000Z');
    expect(expiry('2028-02-29T10:00:00.000Z', 12)).toBe('2029-02-28T10:00:00.000Z');
  });

  it('holds to the very millisecond', () => {
    const collected = at('2026-08-31T10:00:00.000Z');
    const end = at('2027-02-28T10:00:00.000Z');
    expect(isRetained(collected, end - 1, { months: 6 })).toBe(true);
    expect(isRetained(collected, end, { months: 6 })).toBe(false);
  });

  it('is never shorter than its months of 28 days, nor longer than its months of 31', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('2000-01-01'), max: new Date('2090-01-01'), noInvalidDate: true }),
        fc.integer({ min: 1, max: 24 }),
        (date, months) => {
          const days = (expiresAt(date.getTime(), { months }) - date.getTime()) / 86_400_000;
          expect(days).toBeGreaterThanOrEqual(28 * months);
          expect(days).toBeLessThanOrEqual(31 * months);
        },
      ),
    );
  });

  it('is written as whole months, and nothing else', () => {
    expect(parseRetentionPeriod('P6M')).toEqual({ months: 6 });
    expect(parseRetentionPeriod('P24M')).toEqual({ months: 24 });
    for (const text of ['', 'P0M', 'P25M', 'P180D', 'PT6M', '6', 'P6', 'p6m', 'P6M ', 'P-6M', 'P1Y']) {
      expect(parseRetentionPeriod(text), text).toBeNull();
    }
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultRejectCeiling } from '#services/ingester';
import {
  countRejects,
  fromNote,
  type RejectCeiling,
  type RejectCount,
  toNote,
} from '../../../services/ingester/ceiling.ts';

const none: RejectCount = { records: 0, rejects: 0 };
const ceiling: RejectCeiling = defaultRejectCeiling;
/** The count after batches, or null from the one on that was stopped. */
const counted = (batches: readonly RejectCount[], limit = ceiling): RejectCount | null =>
  batches.reduce<RejectCount | null>((count, batch) => count && countRejects(count, batch, limit), none);
const batch = (records: number, rejects: number): RejectCount => ({ records, rejects });
const batches = fc.array(
  fc
    .tuple(fc.integer({ min: 1, max: 60_000 }), fc.double({ min: 0, max: 1, noNaN: true }))
    .map(([records, share]) => batch(records, Math.floor(records * share))),
  { maxLength: 60 },
);

describe('the ceiling on rejects', () => {
  it('lets a few through, whatever their share', () => {
    expect(counted([batch(1, 1)])).toEqual(batch(1, 1));
    expect(counted([batch(1000, 1000)])).toEqual(batch(1000, 1000));
    expect(counted([batch(1001, 1001)])).toBeNull();
  });

  it('lets many through among many more', () => {
    expect(counted([batch(50_000, 10_000)])).toEqual(batch(10_000, 2000));
    expect(counted([batch(50_000, 10_001)])).toBeNull();
  });

  it('counts over batches as it does in one', () => {
    expect(counted([batch(500, 500), batch(500, 500)])).toEqual(batch(1000, 1000));
    expect(counted([batch(500, 500), batch(500, 500), batch(1, 1)])).toBeNull();
  });

  it('stops whatever came before, once nothing but rejects comes', () => {
    fc.assert(
      fc.property(batches, fc.integer({ min: 1, max: 500 }), (before, size) => {
        let count = counted(before);
        let passed = 0;
        while (count !== null && passed < 1_000_000) {
          count = countRejects(count, batch(size, size), ceiling);
          if (count !== null) passed += size;
        }
        // 10,000 ln(1 / (1 - 0.2)) = 2,231 would pass after a window without any, one at a time.
        expect(passed).toBeLessThan(2800);
      }),
    );
  });

  it('never stops at a batch without rejects, so that it recovers by itself', () => {
    fc.assert(
      fc.property(batches, fc.nat(60_000), (before, records) => {
        const count = counted(before) ?? batch(10_000, 9000);
        const next = countRejects(count, batch(records, 0), ceiling);
        expect(next).not.toBeNull();
        expect(next?.rejects).toBeLessThanOrEqual(count.rejects);
      }),
    );
  });

  it('is off at a share of 1', () => {
    fc.assert(
      fc.property(batches, (before) => {
        expect(counted(before, { ...ceiling, share: 1 })).not.toBeNull();
      }),
    );
  });

  it('comes back from its note as it was, and from anything else as nothing', () => {
    fc.assert(
      fc.property(batches, (before) => {
        const count = counted(before);
        if (count !== null) expect(fromNote(toNote(count))).toEqual(count);
      }),
    );
    for (const note of ['', 'rejects', 'rejects 1 of', 'rejects -1 of 5', `rejects 1 of ${'9'.repeat(40)}`]) {
      expect(fromNote(note)).toEqual(none);
    }
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CountSpread, slicesOf } from '../../../shared/store/slices.ts';

const begin = Date.UTC(2096, 5, 1);
const utc = (milliseconds: number): string => new Date(milliseconds).toISOString();

/** Counts as the store does: only intervals that have rows, in order. */
function counting(times: readonly number[], asked: { count: number }): CountSpread {
  return async ({ from, to }, width) => {
    asked.count += 1;
    const slots = new Map<number, number>();
    for (const time of times.filter((each) => each >= Date.parse(from) && each < Date.parse(to))) {
      const slot = Math.floor((time - Date.parse(from)) / width);
      slots.set(slot, (slots.get(slot) ?? 0) + 1);
    }
    return [...slots].map(([slot, rows]) => ({ slot, rows })).sort((a, b) => a.slot - b.slot);
  };
}

describe('slices of a window', () => {
  const window = fc.integer({ min: 1, max: 10_000_000 });
  const bounds = fc.record({ rows: fc.integer({ min: 1, max: 50 }), slots: fc.integer({ min: 2, max: 64 }) });

  it('cover it without gap or overlap, and hold no more than they may, but for one millisecond', async () => {
    await fc.assert(
      fc.asyncProperty(
        window.chain((length) =>
          fc.tuple(
            fc.constant(length),
            fc.array(fc.integer({ min: 0, max: length - 1 }), { maxLength: 400 }),
          ),
        ),
        bounds,
        async ([length, offsets], given) => {
          const times = offsets.map((offset) => begin + offset);
          const whole = { from: utc(begin), to: utc(begin + length) };
          const slices = await slicesOf(whole, counting(times, { count: 0 }), given);
          expect(slices[0]?.from).toBe(whole.from);
          expect(slices.at(-1)?.to).toBe(whole.to);
          for (const [index, { from, to, rows }] of slices.entries()) {
            if (index > 0) expect(from).toBe(slices[index - 1]?.to);
            expect(from < to).toBe(true);
            const inside = times.filter((time) => time >= Date.parse(from) && time < Date.parse(to));
            expect(inside.length).toBe(rows);
            if (rows > given.rows) expect(new Set(inside).size).toBe(1);
          }
        },
      ),
    );
  });

  it('of everything in one millisecond of half a year are found with few questions', async () => {
    const asked = { count: 0 };
    const times = Array<number>(1000).fill(begin + 184 * 86_400_000 - 7);
    const whole = { from: utc(begin), to: utc(begin + 184 * 86_400_000) };
    const slices = await slicesOf(whole, counting(times, asked), { rows: 10, slots: 16_384 });
    expect(slices).toEqual([{ ...whole, rows: 1000 }]);
    expect(asked.count).toBeLessThan(5);
  });
});

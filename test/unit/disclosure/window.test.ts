import { describe, expect, it } from 'vitest';
import type { Scope } from '#shared/orders';
import { windowOfRelease } from '../../../services/disclosure/release/window.ts';

const day = (n: number): string => `2026-11-${String(n).padStart(2, '0')}T00:00:00.000Z`;
const scope = (from: number, to: number, received: number): Scope => ({
  targets: [{ kind: 'user', value: 'alice' }],
  from: day(from),
  to: day(to),
  categories: ['service'],
  collectedUpTo: day(received),
});
const heldFrom = (n: number) => ({ firstOccurredAt: day(n) });

describe('what a package says about the window there were data of', () => {
  it('all of it', () => {
    expect(windowOfRelease(scope(5, 10, 12), heldFrom(1))).toEqual({
      window: { asked: { from: day(5), to: day(10) }, available: { from: day(5), to: day(10) } },
      reasons: [],
    });
  });

  it('not what lies before the oldest event held', () => {
    const { window, reasons } = windowOfRelease(scope(5, 10, 12), heldFrom(7));
    expect(window.available).toEqual({ from: day(7), to: day(10) });
    expect(reasons).toEqual(['window.before_data']);
  });

  it('not what came after the receipt of the order', () => {
    const { window, reasons } = windowOfRelease(scope(5, 10, 8), heldFrom(1));
    expect(window.available).toEqual({ from: day(5), to: day(8) });
    expect(reasons).toEqual(['window.after_reach']);
  });

  it('none of it, before the data, after the reach, or where nothing is held', () => {
    expect(windowOfRelease(scope(1, 2, 12), heldFrom(5)).window.available).toBeNull();
    expect(windowOfRelease(scope(9, 10, 8), heldFrom(1))).toMatchObject({
      window: { available: null },
      reasons: ['window.after_reach'],
    });
    expect(windowOfRelease(scope(5, 10, 12), null)).toMatchObject({
      window: { available: null },
      reasons: ['window.before_data'],
    });
  });
});

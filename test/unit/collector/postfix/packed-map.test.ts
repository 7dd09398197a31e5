import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PackedMap } from '../../../../services/collector/postfix/packed-map.ts';

describe('the packed map', () => {
  it('behaves as a map', () => {
    const key = fc.oneof(
      fc.integer({ min: 0, max: 40 }).map((n) => `key ${n}`),
      fc.string({ unit: 'grapheme' }),
    );
    const command = fc.oneof(
      fc.record({ key, value: fc.string({ unit: 'grapheme', maxLength: 200 }) }),
      fc.record({ key }),
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
        const map = new PackedMap();
        const model = new Map<string, string>();
        for (const step of commands) {
          if ('value' in step) {
            map.set(step.key, step.value);
            model.set(step.key, step.value);
          } else {
            expect(map.take(step.key)).toBe(model.get(step.key));
            model.delete(step.key);
          }
          expect(map.size).toBe(model.size);
        }
        expect(new Map(map.entries())).toEqual(model);
      }),
    );
  });

  it('keeps every entry while segments are emptied and used again', () => {
    const map = new PackedMap();
    const model = new Map<string, string>();
    let seed = 1;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return seed % below;
    };
    for (let step = 0; step < 120_000; step++) {
      const key = `q${random(20_000)} mx1`;
      if (random(3) > 0) {
        const value = `${step} ${'x'.repeat(random(300))}`;
        map.set(key, value);
        model.set(key, value);
      } else {
        if (map.take(key) !== model.get(key)) throw new Error(`lost ${key} at step ${step}`);
        model.delete(key);
      }
    }
    expect(map.size).toBe(model.size);
    expect(new Map(map.entries())).toEqual(model);
  });

  it('refuses a text over its bound', () => {
    const map = new PackedMap();
    expect(() => map.set('k', 'x'.repeat(32_768))).toThrow(
      expect.objectContaining({ code: 'collector.state_too_long' }),
    );
    map.set('k', 'x'.repeat(32_767));
    expect(map.take('k')).toHaveLength(32_767);
  });
});

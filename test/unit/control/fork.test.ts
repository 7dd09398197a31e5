import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AnyControlEntry,
  type ControlState,
  copyState,
  emptyState,
  encodeState,
  foldEntry,
  forkState,
} from '#shared/control';
import { attempts, historyOf } from '../../support/random-history.ts';

const fold = (state: ControlState, entries: readonly AnyControlEntry[]): ControlState => {
  for (const entry of entries) foldEntry(state, entry);
  return state;
};
/** Order of the maps included. */
const asText = (state: ControlState): string[] => [...encodeState(state)];

describe('a state that goes on from another one', () => {
  it('is what that one would be, leaves it as it is, and stays the same while it follows', () => {
    fc.assert(
      fc.property(attempts, fc.nat(), fc.nat(), (tried, pick, further) => {
        const entries = historyOf(tried);
        const from = pick % (entries.length + 1);
        const follows = from + (further % (entries.length - from + 1));
        const base = fold(emptyState(), entries.slice(0, from));
        const before = asText(base);
        const fork = fold(forkState(base), entries.slice(from));
        const whole = asText(fold(emptyState(), entries));
        expect(asText(fork)).toEqual(whole);
        expect(asText(base)).toEqual(before);
        fold(base, entries.slice(from, follows));
        expect(asText(fork)).toEqual(whole);
        expect(asText(copyState(fork))).toEqual(whole);
      }),
      { numRuns: 100 },
    );
  });

  it('has maps that do what maps do, in any order of changes', () => {
    type Change = ['set' | 'delete' | 'clear' | 'follow', number, number];
    const change = fc.tuple(
      fc.constantFrom('set', 'set', 'delete', 'clear', 'follow'),
      fc.nat(9),
      fc.nat(99),
    );
    fc.assert(
      fc.property(fc.array(change) as fc.Arbitrary<Change[]>, fc.array(fc.nat(9)), (changes, begun) => {
        const base = emptyState();
        for (const key of begun) base.lastUse.set(`${key}`, 'base');
        const [map, model] = [forkState(base).lastUse, new Map(base.lastUse)];
        const late: Change[] = [];
        for (const one of changes) {
          const apply = (to: Map<string, string>, [what, key, value]: Change) => {
            if (what === 'set') to.set(`${key}`, `${value}`);
            else if (what === 'delete') to.delete(`${key}`);
            else if (what === 'clear') to.clear();
          };
          apply(map, one);
          apply(model, one);
          if (one[0] === 'follow') for (const due of late.splice(0)) apply(base.lastUse, due);
          else late.push(one);
          expect([...map]).toEqual([...model]);
          expect([[...map.keys()], [...map.values()], map.size]).toEqual([
            [...model.keys()],
            [...model.values()],
            model.size,
          ]);
          for (let key = 0; key < 10; key++) {
            expect([map.has(`${key}`), map.get(`${key}`)]).toEqual([
              model.has(`${key}`),
              model.get(`${key}`),
            ]);
          }
          const seen: [string, string][] = [];
          map.forEach((value, key) => {
            seen.push([key, value]);
          });
          expect(seen).toEqual([...model]);
        }
      }),
    );
  });
});

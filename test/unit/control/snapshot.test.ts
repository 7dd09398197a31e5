import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AnyControlEntry,
  type ControlState,
  copyState,
  decodeState,
  emptyState,
  encodeState,
  foldEntry,
  stateVersion,
} from '#shared/control';
import { type Attempt, attempts, historyOf } from '../../support/random-history.ts';

function fold(state: ControlState, entries: readonly AnyControlEntry[]): ControlState {
  for (const entry of entries) foldEntry(state, entry);
  return state;
}

/** Order of the maps included: what is forgotten first hangs on it. */
const asText = (state: ControlState): string[] => [...encodeState(state)];

describe('the state that is written and read', () => {
  it('is the same, in any state that a history leads to, and leads to the same', () => {
    const kinds = new Set<string>();
    fc.assert(
      fc.property(attempts, fc.nat(), (tried, pick) => {
        const entries = historyOf(tried);
        for (const { kind } of entries) kinds.add(kind);
        const at = pick % (entries.length + 1);
        const read = decodeState(encodeState(fold(emptyState(), entries.slice(0, at))));
        if (read === null) throw new Error('it could not be read');
        const whole = fold(emptyState(), entries);
        expect(fold(read, entries.slice(at))).toEqual(whole);
        expect(asText(read)).toEqual(asText(whole));
      }),
      { numRuns: 100 },
    );
    // Chance alone leads to these; a history that never gets this far would show nothing.
    for (const kind of [
      'disclosure.released',
      'disclosure.collected',
      'credential.revoked',
      'retention.started',
    ])
      expect(kinds).toContain(kind);
  });

  it('is that of the moment in which it was copied', () => {
    const entries = historyOf([
      [0, 1, 0, 5],
      [1, 2, 1, 5],
      [3, 4, 1, 5],
      [4, 0, 3, 5],
    ]);
    const state = fold(emptyState(), entries.slice(0, 9));
    const [copy, then] = [copyState(state), asText(state)];
    fold(state, entries.slice(9));
    expect(asText(copy)).toEqual(then);
    expect(asText(state)).not.toEqual(then);
  });

  it.each<[string, (lines: string[]) => string[]]>([
    ['a member missing', (lines) => lines.filter((line) => !line.startsWith('["latestAt"'))],
    ['a member twice', (lines) => [...lines, '["latestAt",""]']],
    ['an unknown member', (lines) => [...lines, '["rights",true]']],
    ['the name of a member of every object', (lines) => [...lines, '["constructor","a","b"]']],
    ['an element twice', (lines) => [...lines, ...lines.filter((line) => line.startsWith('["credentials"'))]],
    ['an element without a key', (lines) => [...lines, '["orders",{}]']],
    ['a key for what has none', (lines) => [...lines, '["size",1,2]']],
    ['a line that is no JSON', (lines) => [...lines, '["size"']],
    ['a line that is no list', (lines) => [...lines, '{"size":1}']],
  ])('is not read with %s', (_, change) => {
    const lines = asText(fold(emptyState(), historyOf([[0, 1, 0, 5]])));
    expect(decodeState(lines)).not.toBeNull();
    expect(decodeState(change(lines))).toBeNull();
  });

  it('is not written where JSON could not hold it', () => {
    for (const odd of [new Map(), new Set(), new Date(0), 1n, Number.NaN, () => 0]) {
      const state = { ...emptyState(), configuration: { odd } } as unknown as ControlState;
      expect(() => asText(state)).toThrow(TypeError);
    }
  });

  it(`has version ${stateVersion}, which is raised whenever a fixed history leads to another state`, () => {
    const tried = Array.from(
      { length: 1_000 },
      (_, n): Attempt => [((n * 2_654_435_761) % 2 ** 32) >>> 7, n * 5, n >>> 1, 1_000],
    );
    const entries = historyOf(tried);
    expect(new Set(entries.map(({ kind }) => kind)).size).toBeGreaterThan(12);
    const digest = createHash('sha256')
      .update(asText(fold(emptyState(), entries)).join('\n'))
      .digest('hex');
    // Where this fails and the rules were meant to change: raise `stateVersion`, and put the new digest here.
    expect({ stateVersion, digest }).toEqual({
      stateVersion: 4,
      digest: '0c3ac8cd198341030192040bfab854419fad999f45a37ea04d5452430403fc96',
    });
  });
});

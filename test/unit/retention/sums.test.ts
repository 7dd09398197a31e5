import { describe, expect, it } from 'vitest';
import {
  decideRetention,
  differenceOf,
  noRetention,
  type RetentionState,
  type SourceFigures,
} from '#shared/control';

const figures = (change: Partial<SourceFigures> = {}): SourceFigures => ({
  source: 'mx1',
  lines: 10,
  repeated: 1,
  ignored: 2,
  notUnderstood: 3,
  understood: 4,
  gaps: 0,
  invalid: 0,
  events: 8,
  stored: 7,
  rows: 9,
  again: 0,
  rejected: 1,
  readAnew: 0,
  ...change,
});

describe('the sums of a source on a day', () => {
  it.each([
    ['all is there', {}, { lines: 0, missing: 0, surplus: 0 }],
    ['an event is lost', { stored: 6 }, { lines: 0, missing: 1, surplus: 0 }],
    ['an event was made by nobody', { stored: 8 }, { lines: 0, missing: 0, surplus: 1 }],
    ['it was made again on a later day', { stored: 9, again: 2 }, { lines: 0, missing: 0, surplus: 0 }],
    ['a loss is not hidden by that', { stored: 8, again: 2 }, { lines: 0, missing: 1, surplus: 0 }],
    ['a line is unaccounted for', { ignored: 1 }, { lines: 1, missing: 0, surplus: 0 }],
    ['copies of a retry explain no loss', { stored: 6, rows: 20 }, { lines: 0, missing: 1, surplus: 0 }],
    [
      'a source was read anew',
      { events: 16, stored: 7, rows: 15, readAnew: 1 },
      { lines: 0, missing: 0, surplus: 0 },
    ],
    [
      'what copies do not explain is lost then, too',
      { events: 16, stored: 7, rows: 14, readAnew: 1 },
      { lines: 0, missing: 1, surplus: 0 },
    ],
  ])('say so where %s', (_, change, difference) => {
    expect(differenceOf(figures(change))).toEqual(difference);
  });
});

describe('an entry with the sums of a day', () => {
  const at = '2096-11-21T01:00:00.000Z';
  const policy = { version: 1, period: 'P6M', legalBasis: 'policy of the test', since: at };
  const state: RetentionState = { ...noRetention, policy };
  const draft = (change: object = {}) => ({
    kind: 'retention.reconciled' as const,
    details: {
      policyVersion: 1,
      day: '2096-11-20',
      part: 0,
      rows: 9,
      sources: [figures(), figures({ source: 'mx2', stored: 6 })],
      differing: 1,
      ...change,
    },
  });

  it('is taken, and a later one of the day holds in its place', () => {
    const first = decideRetention(state, draft(), at, []);
    if (!first.ok) throw new Error(first.code);
    expect(first.state.reconciled).toEqual([
      { day: '2096-11-20', part: 0, rows: 9, lines: 20, events: 16, stored: 13, rejected: 2, differing: 1 },
    ]);
    const part = decideRetention(first.state, draft({ part: 1, sources: [figures()], differing: 0 }), at, []);
    expect(part.ok && part.state.reconciled).toMatchObject([{ part: 1, lines: 30, differing: 1 }]);
    const again = decideRetention(first.state, draft({ sources: [figures()], differing: 0 }), at, []);
    expect(again.ok && again.state.reconciled).toMatchObject([{ part: 0, lines: 10, differing: 0 }]);
  });

  it.each([
    ['says of a difference that there is none', { differing: 0 }],
    ['says of none that there is one', { sources: [figures()], differing: 1 }],
    ['is of a day that is not over', { day: '2096-11-21' }],
    ['is a part of nothing', { part: 1 }],
  ])('is refused where it %s', (_, change) => {
    expect(decideRetention(state, draft(change), at, [])).toEqual({ ok: false, code: 'retention.sums' });
  });

  it('is refused of a day that is certified as gone', () => {
    const lastCertificate = {
      ...{ policyVersion: 1, through: '2096-11-20', days: [], goneAt: at, places: [], next: [] },
      ...{ id: '01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e', at },
    };
    const gone: RetentionState = { ...state, lastCertificate };
    expect(decideRetention(gone, draft(), at, [])).toEqual({ ok: false, code: 'retention.sums' });
  });
});

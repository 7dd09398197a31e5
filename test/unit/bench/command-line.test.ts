import { describe, expect, it } from 'vitest';
import { benches } from '../../bench/benches.ts';
import { choiceOf, commandFor, helpFor } from '../../bench/runner/command-line.ts';
import { clock, progressLine } from '../../bench/runner/progress.ts';

describe('the command line of the benchmarks', () => {
  it('runs all of them, five rounds, without further words', () => {
    expect(choiceOf([], benches)).toMatchObject({ chosen: benches, rounds: 5, quick: false });
  });

  it('takes names in any order and runs them in its own', () => {
    const choice = choiceOf(['ingest', 'collector', '--rounds', '3', '--json', 'x.json'], benches);
    expect(choice).toMatchObject({
      chosen: [{ name: 'collector' }, { name: 'ingest' }],
      ...{ rounds: 3, json: 'x.json' },
    });
  });

  it('a quick run has one round', () => {
    expect(choiceOf(['--quick', '--rounds', '9'], benches)).toMatchObject({ rounds: 1, quick: true });
  });

  it.each([
    [['nothing'], 'There is no benchmark nothing'],
    [['--rounds', '0'], '--rounds takes'],
    [['--rounds', '100'], '--rounds takes'],
    [['--events', '1e3'], '--events takes'],
    [['--events', '10000.5'], '--events takes'],
    [['--unknown'], 'Unknown option'],
  ])('refuses %s', (args, problem) => {
    expect(choiceOf(args, benches)).toEqual({ problem: expect.stringContaining(problem) });
  });

  it('help names every benchmark', () => {
    expect(choiceOf(['collector', '--help'], benches)).toBe('help');
    for (const { name, title } of benches) expect(helpFor(benches)).toMatch(new RegExp(`${name} +${title}`));
  });

  it('a result says the command that gives its like', () => {
    expect(commandFor('ingest', { rounds: 3, events: 1e6 })).toBe(
      'npm run bench -- ingest --rounds 3 --events 1000000',
    );
  });
});

describe('the line of progress', () => {
  const known = (name: string): number | undefined => ({ a: 10, b: 60, c: 100 })[name];
  const state = { names: ['a', 'b', 'c'], took: [20], what: 'round 1 of 3', elapsedSeconds: 30 };

  it('estimates from runs before, corrected by what has been seen in this one', () => {
    // `a` took twice as long as known: so will the others.
    expect(progressLine(state, known)).toBe(
      '2/3 b: round 1 of 3 (0:30 of about 2:00; all 0:50 of about 5:40)',
    );
  });

  it('says no more than it knows', () => {
    const some = (name: string) => (name === 'c' ? undefined : known(name));
    expect(progressLine(state, some)).toBe('2/3 b: round 1 of 3 (0:30 of about 2:00; all 0:50)');
    expect(progressLine({ ...state, names: ['x'], took: [] }, known)).toBe('1/1 x: round 1 of 3 (0:30)');
  });

  it('shows hours where there are any', () => {
    expect([0, 59.6, 3599, 3600, 36_061].map(clock)).toEqual([
      '0:00',
      '1:00',
      '59:59',
      '1:00:00',
      '10:01:01',
    ]);
  });
});

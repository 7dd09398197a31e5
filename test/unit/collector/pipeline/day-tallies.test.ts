import { describe, expect, it } from 'vitest';
import { DayTallies } from '../../../../services/collector/pipeline/day-tallies.ts';

/** What is in the checkpoint after some commits. */
class Checkpoint {
  readonly state = new Map<string, string>();

  commit(tallies: DayTallies): void {
    for (const [key, value] of tallies.takeChanges()) {
      if (value === null) this.state.delete(key);
      else this.state.set(key, value);
    }
  }

  open(): DayTallies {
    return new DayTallies('mx1', this.state);
  }
}

describe('what a source gave on each day', () => {
  it('is what was committed, and no more, after a kill', () => {
    const checkpoint = new Checkpoint();
    const first = checkpoint.open();
    first.on('2096-11-20').lines += 3;
    checkpoint.commit(first);
    first.on('2096-11-20').lines += 5;
    const second = checkpoint.open();
    expect(second.untold()).toMatchObject([{ day: '2096-11-20', lines: 3, resumedFrom: null }]);
    expect(second.untold()[0]?.checkpoint).toBe(first.untold()[0]?.checkpoint);
    // Another source, or this one without its checkpoint, counts under another name.
    expect(new Checkpoint().open().on('2096-11-20').checkpoint).not.toBe(second.untold()[0]?.checkpoint);
  });

  it('is told until it arrived, and again after each start', () => {
    const checkpoint = new Checkpoint();
    const tallies = checkpoint.open();
    tallies.on('2096-11-20').lines += 3;
    checkpoint.commit(tallies);
    const told = tallies.untold();
    // What is counted while it is on its way is told with the next.
    tallies.on('2096-11-20').lines += 1;
    tallies.told(told);
    expect(tallies.untold()).toMatchObject([{ lines: 4 }]);
    tallies.told(tallies.untold());
    expect(tallies.untold()).toEqual([]);
    expect(checkpoint.open().untold()).toMatchObject([{ lines: 3 }]);
  });

  it('names the last day before, where reading goes on upon another day after a start', () => {
    const checkpoint = new Checkpoint();
    const first = checkpoint.open();
    first.on('2096-11-20').lines += 1;
    first.on('2096-11-21').lines += 1;
    expect(first.untold().map(({ resumedFrom }) => resumedFrom)).toEqual([null, null]);
    checkpoint.commit(first);
    const second = checkpoint.open();
    second.on('2096-11-24').lines += 1;
    second.on('2096-11-25').lines += 1;
    expect(second.untold().map(({ day, resumedFrom }) => [day, resumedFrom])).toEqual([
      ['2096-11-20', null],
      ['2096-11-21', null],
      ['2096-11-24', '2096-11-21'],
      ['2096-11-25', null],
    ]);
    const sameDay = new Checkpoint();
    const before = sameDay.open();
    before.on('2096-11-20').lines += 1;
    sameDay.commit(before);
    expect(sameDay.open().on('2096-11-20').resumedFrom).toBeNull();
  });

  it('keeps forty days', () => {
    const checkpoint = new Checkpoint();
    const tallies = checkpoint.open();
    for (let n = 0; n < 60; n++) {
      tallies.on(new Date(Date.UTC(2096, 0, 1 + n)).toISOString().slice(0, 10)).lines += 1;
      checkpoint.commit(tallies);
    }
    const days = checkpoint.open().untold();
    expect(days).toHaveLength(40);
    expect(days.at(0)?.day).toBe('2096-01-21');
    expect(days.every(({ lines }) => lines === 1)).toBe(true);
  });
});

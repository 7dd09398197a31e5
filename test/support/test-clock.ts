import type { Clock } from '#shared/runtime';

/** A clock that stands still until it is moved. */
export interface TestClock extends Clock {
  /** Moves it to a time (RFC 3339). */
  set(time: string): void;
  advance(milliseconds: number): void;
}

export function createTestClock(start: string): TestClock {
  let now = Date.parse(start);
  return {
    now: () => now,
    set: (time) => {
      now = Date.parse(time);
    },
    advance: (milliseconds) => {
      now += milliseconds;
    },
  };
}

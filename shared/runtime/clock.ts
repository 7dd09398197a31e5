/** The wall clock, injected wherever a time is decided on, so that tests can move it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** RFC 3339 in UTC with milliseconds, the one form in which Griffie writes times. */
export function utc(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

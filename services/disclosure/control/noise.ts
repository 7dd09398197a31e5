import type { AnyControlEntry } from '#shared/control';
import { type Clock, utc } from '#shared/runtime';

/** Codes a minute may name; the table of codes is shorter, this only guards against a mistake of ours. */
const maxCodes = 64;

/**
 * Counts refusals that nobody can be held to (no valid key id, no valid signature, broken syntax), so that
 * a flood of them is one entry a minute and not a full disk.
 */
export class NoiseCounter {
  readonly #clock: Clock;
  #since: number;
  #counts = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.now();
  }

  add(code: string): void {
    const name = this.#counts.has(code) || this.#counts.size < maxCodes ? code : 'service.internal';
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  /** The entry of what was counted since the last call, or null where there was nothing. */
  take(): AnyControlEntry | null {
    const now = this.#clock.now();
    const [from, counts] = [this.#since, this.#counts];
    this.#since = now;
    this.#counts = new Map();
    if (counts.size === 0) return null;
    return {
      kind: 'access.noise',
      at: utc(now),
      actor: { service: 'disclosure' },
      details: {
        from: utc(from),
        to: utc(now),
        counts: [...counts].map(([code, count]) => ({ code, count })),
      },
    };
  }
}

import type { ControlEntry } from '#shared/control';
import { type Clock, utc } from '#shared/runtime';

/** Codes a minute may name; the table of codes is shorter, this only guards against a mistake of ours. */
const maxCodes = 64;

type NoiseEntry = ControlEntry<'access.noise'>;

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

  add(code: string, count = 1): void {
    const name = this.#counts.has(code) || this.#counts.size < maxCodes ? code : 'service.internal';
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
  }

  /** The entry of what was counted since the last call, or null where there was nothing. */
  take(): NoiseEntry | null {
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
  /** Takes back an entry that could not be recorded: the next one has its counts and its beginning. */
  putBack({ details }: NoiseEntry): void {
    this.#since = Date.parse(details.from);
    for (const { code, count } of details.counts) this.add(code, count);
  }
}

/** How often something may be done. */
export interface Rate {
  /** Tokens of a full bucket: what may be done at once after a quiet time. */
  readonly burst: number;
  /** Tokens that come back in a second. */
  readonly perSecond: number;
}

/** Buckets kept in mind; about 100 bytes each. */
const maxBuckets = 20_000;

/**
 * One bucket of tokens per name. Bounded: of more names than it keeps, it forgets the one that was not used
 * for longest, which then begins with a full bucket.
 */
export class TokenBuckets {
  readonly #rate: Rate;
  readonly #elapsedMs: () => number;
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  /** @param elapsedMs of a clock that never goes back, since any fixed instant */
  constructor(rate: Rate, elapsedMs: () => number) {
    this.#rate = rate;
    this.#elapsedMs = elapsedMs;
  }

  /**
   * Takes tokens, all or none.
   * @returns 0 where they were there; otherwise in how many whole seconds they will be.
   */
  take(name: string, tokens = 1): number {
    const bucket = this.#filled(name);
    const missing = tokens - bucket.tokens;
    if (missing > 0) return Math.max(1, Math.ceil(missing / this.#rate.perSecond));
    bucket.tokens -= tokens;
    return 0;
  }

  giveBack(name: string, tokens: number): void {
    const bucket = this.#filled(name);
    bucket.tokens = Math.min(this.#rate.burst, bucket.tokens + tokens);
  }

  #filled(name: string): { tokens: number; at: number } {
    const now = this.#elapsedMs();
    const { burst, perSecond } = this.#rate;
    const bucket = this.#buckets.get(name) ?? { tokens: burst, at: now };
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) / 1000) * perSecond);
    bucket.at = now;
    // To the end of the map: the first one is the one that was not used for longest.
    this.#buckets.delete(name);
    this.#buckets.set(name, bucket);
    for (const oldest of this.#buckets.keys()) {
      if (this.#buckets.size <= maxBuckets) break;
      this.#buckets.delete(oldest);
    }
    return bucket;
  }
}

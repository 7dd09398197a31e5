import type { Clock } from '#shared/runtime';
import { witnessLimits } from './limits.ts';

interface Bucket {
  tokens: number;
  filledAt: number;
}

/** A token bucket for each address. Addresses stay in memory only. */
export class RateLimit {
  readonly #buckets = new Map<string, Bucket>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether one more request of this address may be looked at. */
  allows(address: string): boolean {
    const { burst, perSecond, addresses } = witnessLimits;
    const now = this.#clock.now();
    const { tokens, filledAt } = this.#buckets.get(address) ?? { tokens: burst, filledAt: now };
    const filled = Math.min(burst, tokens + (Math.max(0, now - filledAt) / 1000) * perSecond);
    // Moved to the end: the map's order is that of their last requests.
    this.#buckets.delete(address);
    this.#buckets.set(address, { tokens: Math.max(0, filled - 1), filledAt: now });
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > addresses && oldest !== undefined) this.#buckets.delete(oldest);
    return filled >= 1;
  }
}

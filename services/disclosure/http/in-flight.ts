/** Bounds on signed requests that are being answered at the same time. */
export interface InFlightBounds {
  readonly requests: number;
  readonly perCredential: number;
  /** Of all their bodies together. */
  readonly bodyBytes: number;
}

/** A place among the requests in flight; given up once, by whoever comes first. */
export type Leave = () => void;

/** Counts signed requests in flight, so that none of them makes the service hold more than its bounds. */
export class InFlight {
  readonly #bounds: InFlightBounds;
  readonly #perCredential = new Map<string, number>();
  #requests = 0;
  #bodyBytes = 0;

  constructor(bounds: InFlightBounds) {
    this.#bounds = bounds;
  }

  /**
   * @param bodyBytes the most that the body can have
   * @returns how to leave, or which bound is reached: the credential's own, or the service's.
   */
  enter(thumbprint: string, bodyBytes: number): Leave | 'credential' | 'service' {
    const own = this.#perCredential.get(thumbprint) ?? 0;
    if (own >= this.#bounds.perCredential) return 'credential';
    const isFull = this.#requests >= this.#bounds.requests;
    // One body always has room, whatever the bound: otherwise the largest could never come in.
    const isHeavy = this.#bodyBytes > 0 && this.#bodyBytes + bodyBytes > this.#bounds.bodyBytes;
    if (isFull || (bodyBytes > 0 && isHeavy)) return 'service';
    this.#requests += 1;
    this.#bodyBytes += bodyBytes;
    this.#perCredential.set(thumbprint, own + 1);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#requests -= 1;
      this.#bodyBytes -= bodyBytes;
      const rest = (this.#perCredential.get(thumbprint) ?? 1) - 1;
      if (rest > 0) this.#perCredential.set(thumbprint, rest);
      else this.#perCredential.delete(thumbprint);
    };
  }
}

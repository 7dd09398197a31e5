import { createHash } from 'node:crypto';
import type { Clock } from '#shared/runtime';

const bounds = {
  /** Refusals of one proof that are entries of their own. */
  perProof: 8,
  /** Refusals of one credential a minute that are. */
  perMinute: 60,
  /** Proofs kept in mind, the latest refused ones; about 100 bytes each. */
  proofs: 10_000,
} as const;

/**
 * How often each signed request and each credential was refused. Whoever once saw a proof can send copies of
 * it without end, and whoever stole a key goes on after its revocation: after the first few, their refusals
 * are noise, so that nobody fills the ledger in another's name. Forgotten at a stop.
 */
export class RefusalMemory {
  readonly #clock: Clock;
  readonly #proofs = new Map<string, number>();
  readonly #credentials = new Map<string, number>();
  #minute = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Whether this refusal is to be an entry of its own.
   * @param proof compact JWS that was refused
   * @param thumbprint of the enrolled key that signed it
   */
  isWorthAnEntry(proof: string, thumbprint: string): boolean {
    return (
      this.#countProof(proof) <= bounds.perProof && this.#countCredential(thumbprint) <= bounds.perMinute
    );
  }

  #countProof(proof: string): number {
    // Without the signature: an ES256 one can be written in a second way by anybody.
    const name = createHash('sha256')
      .update(proof.slice(0, proof.lastIndexOf('.')))
      .digest('base64url');
    const count = (this.#proofs.get(name) ?? 0) + 1;
    // To the end of the map: the one that was not refused for longest is forgotten first.
    this.#proofs.delete(name);
    this.#proofs.set(name, count);
    for (const oldest of this.#proofs.keys()) {
      if (this.#proofs.size <= bounds.proofs) break;
      this.#proofs.delete(oldest);
    }
    return count;
  }

  #countCredential(thumbprint: string): number {
    const minute = Math.floor(this.#clock.now() / 60_000);
    if (minute !== this.#minute) this.#credentials.clear();
    this.#minute = minute;
    const count = (this.#credentials.get(thumbprint) ?? 0) + 1;
    this.#credentials.set(thumbprint, count);
    return count;
  }
}

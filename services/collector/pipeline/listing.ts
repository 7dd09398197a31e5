import type { StateChanges } from '../adapter.ts';

/** Entries kept of one kind and source; older ones make room. */
export const maxListed = 1_000;

/** A line that gave nothing, or a gap: where and why, never what it said. */
export interface Listed {
  readonly reason: string;
  readonly position: string;
  /** When Griffie read it, RFC 3339 UTC. */
  readonly readAt: string;
}

/** The last thousand entries, kept in the checkpoint's state under numbered keys that are used in turn. */
export class Listing {
  readonly #slots = new Map<number, { sequence: number; entry: Listed }>();
  #next = 0;
  #changes = new Map<string, string | null>();

  /** @param state what `takeChanges` gave, folded. */
  constructor(state: Iterable<readonly [key: string, value: string]>) {
    for (const [slot, text] of state) {
      const [sequence, reason, position, readAt] = JSON.parse(text) as [number, string, string, string];
      this.#slots.set(Number(slot), { sequence, entry: { reason, position, readAt } });
      this.#next = Math.max(this.#next, sequence + 1);
    }
  }

  add(entry: Listed): void {
    const sequence = this.#next++;
    const slot = sequence % maxListed;
    this.#slots.set(slot, { sequence, entry });
    this.#changes.set(String(slot), JSON.stringify([sequence, entry.reason, entry.position, entry.readAt]));
  }

  takeChanges(): StateChanges {
    const changes = this.#changes;
    this.#changes = new Map();
    return changes;
  }

  /** Newest first. */
  entries(): Listed[] {
    return [...this.#slots.values()].sort((a, b) => b.sequence - a.sequence).map(({ entry }) => entry);
  }
}

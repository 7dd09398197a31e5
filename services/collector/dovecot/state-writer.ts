import type { StateChanges } from '../adapter.ts';

/** Collects what changed in the correlator's state between two checkpoints; the last change of a key wins. */
export class StateWriter {
  #changes = new Map<string, string | null>();

  set(key: string, text: string | null): void {
    this.#changes.set(key, text);
  }

  take(): StateChanges {
    const changes = this.#changes;
    this.#changes = new Map();
    return changes;
  }
}

import type { ControlState } from './state.ts';

/*
 * A state that goes on from another one and leaves it as it is: what steps decide on whose entries are not
 * durable yet. Values are replaced by the fold, never changed, so that only the maps have to be kept apart.
 */

/**
 * @returns a state that begins as `state` is, at no cost of its size. `state` may be folded on meanwhile, by
 * the same entries in the same order.
 */
export function forkState(state: Readonly<ControlState>): ControlState {
  const fork: Record<string, unknown> = { ...state };
  for (const [member, value] of Object.entries(state)) {
    if (value instanceof Map) fork[member] = new Over<unknown, unknown>(value as Map<unknown, unknown>);
  }
  return fork as unknown as ControlState;
}

/** A map over another one, which it does not change. The order of its elements is that of one map. */
class Over<K, V> extends Map<K, V> {
  readonly #base: ReadonlyMap<K, V>;
  readonly #own = new Map<K, V>();
  /** Keys that were deleted, and are no longer the base's to tell; also those that it is yet to have. */
  readonly #gone = new Set<K>();
  /** Keys that were set where there were none, in their order: they stand behind all others. */
  readonly #added = new Set<K>();

  constructor(base: ReadonlyMap<K, V>) {
    super();
    this.#base = base;
  }

  override has(key: K): boolean {
    return this.#own.has(key) || this.#isInBase(key);
  }

  override get(key: K): V | undefined {
    const own = this.#own.get(key);
    if (own !== undefined || this.#own.has(key)) return own;
    return this.#gone.has(key) ? undefined : this.#base.get(key);
  }

  override set(key: K, value: V): this {
    if (!this.has(key)) this.#added.add(key);
    this.#own.set(key, value);
    return this;
  }

  override delete(key: K): boolean {
    const wasThere = this.has(key);
    this.#own.delete(key);
    this.#added.delete(key);
    if (wasThere) this.#gone.add(key);
    return wasThere;
  }

  override clear(): void {
    for (const key of [...this.keys()]) this.delete(key);
  }

  override get size(): number {
    let { size } = this.#added;
    for (const key of this.#base.keys()) if (!this.#gone.has(key) && !this.#added.has(key)) size++;
    return size;
  }

  override *entries(): MapIterator<[K, V]> {
    for (const [key, value] of this.#base) {
      if (this.#gone.has(key) || this.#added.has(key)) continue;
      yield [key, this.#own.has(key) ? (this.#own.get(key) as V) : value];
    }
    for (const key of this.#added) yield [key, this.#own.get(key) as V];
  }

  override *keys(): MapIterator<K> {
    for (const [key] of this.entries()) yield key;
  }

  override *values(): MapIterator<V> {
    for (const [, value] of this.entries()) yield value;
  }

  override forEach(callback: (value: V, key: K, map: Map<K, V>) => void): void {
    for (const [key, value] of this.entries()) callback(value, key, this);
  }

  override [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries();
  }

  #isInBase(key: K): boolean {
    return this.#base.has(key) && !this.#gone.has(key);
  }
}

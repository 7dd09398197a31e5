import { type Life, lastSecondOfPacked, newLife, packLife, unpackLife } from './life.ts';
import { PackedMap } from './packed-map.ts';

export interface LifeBounds {
  /** Open lives; beyond it those whose last line is longest ago are given up. */
  readonly maxOpen: number;
  /** Seconds of log time without a line after which a life is over. */
  readonly timeoutSeconds: number;
}

const secondsPerDay = 86_400;
/** Share of the lives that make room together, so that room is not sought for every message. */
const evictedShare = 1 / 64;

/**
 * The messages in the queue. A life that a line touched is an object until the next checkpoint; all
 * others are packed, in the form that the checkpoint holds. So 200,000 of them fit in tens of megabytes,
 * and a message that comes and goes between two checkpoints is never written.
 *
 * What is decided here follows from the lines and their times alone, and never from when checkpoints were
 * taken.
 */
export class LifeStore {
  /** Touched since the last checkpoint, and in no other place. */
  #touched = new Map<string, Life>();
  readonly #packed = new PackedMap();
  readonly #bounds: LifeBounds;
  /** Ended since the last checkpoint, and held by an earlier one. */
  #ended: string[] = [];
  #sweptDay = 0;

  constructor(bounds: LifeBounds) {
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#touched.size + this.#packed.size;
  }

  /** Day of the last sweep, part of the state; see `sweep`. */
  get sweptDay(): number {
    return this.#sweptDay;
  }

  restoreSweptDay(day: number): void {
    this.#sweptDay = day;
  }

  /** @throws SyntaxError where the text is no packed life. */
  restore(key: string, text: string): void {
    if (!Number.isSafeInteger(lastSecondOfPacked(text))) {
      throw new SyntaxError('the checkpoint holds a broken queue life');
    }
    this.#packed.set(key, text);
  }

  /**
   * The open life under this key, which a line of `second` is about.
   * @param maxIdleSeconds ends it where its last line is longer ago.
   */
  find(
    key: string,
    queueId: string,
    second: number,
    maxIdleSeconds = this.#bounds.timeoutSeconds,
  ): Life | undefined {
    let life = this.#touched.get(key);
    if (life === undefined) {
      const text = this.#packed.take(key);
      if (text === undefined) return undefined;
      life = unpackLife(key, queueId, text);
      this.#touched.set(key, life);
    }
    if (second - life.lastSecond > maxIdleSeconds) {
      this.end(life);
      return undefined;
    }
    if (second > life.lastSecond) life.lastSecond = second;
    return life;
  }

  /** A new life; one that is open under the same key has ended unseen. */
  begin(key: string, queueId: string, second: number): Life {
    this.#endKey(key);
    if (this.size >= this.#bounds.maxOpen) this.#makeRoom();
    const life = newLife(key, queueId, second);
    this.#touched.set(key, life);
    return life;
  }

  end(life: Life): void {
    this.#touched.delete(life.key);
    if (life.stored) this.#ended.push(life.key);
  }

  #endKey(key: string): void {
    const life = this.#touched.get(key);
    if (life !== undefined) this.end(life);
    else if (this.#packed.take(key) !== undefined) this.#ended.push(key);
  }

  #makeRoom(): void {
    const open = [...this.#open()].sort((a, b) => a.lastSecond - b.lastSecond || (a.key < b.key ? -1 : 1));
    const count = Math.max(1, Math.floor(this.#bounds.maxOpen * evictedShare));
    for (const { key } of open.slice(0, count)) this.#endKey(key);
  }

  *#open(): Generator<{ readonly key: string; readonly lastSecond: number }> {
    yield* this.#touched.values();
    for (const [key, text] of this.#packed.entries()) {
      yield { key, lastSecond: lastSecondOfPacked(text) };
    }
  }

  /**
   * Once in a day of log time, ends what has timed out (messages given up before they were queued, mostly).
   * A line that is late by less than a day is of the old day and starts nothing.
   */
  sweep(second: number): void {
    const day = Math.floor(second / secondsPerDay);
    if (day <= this.#sweptDay && day >= this.#sweptDay - 1) return;
    this.#sweptDay = day;
    const over: string[] = [];
    for (const { key, lastSecond } of this.#open()) {
      if (second - lastSecond > this.#bounds.timeoutSeconds) over.push(key);
    }
    for (const key of over) this.#endKey(key);
  }

  /** Adds what changed since the last call; lives that were touched are packed. */
  takeChanges(into: Map<string, string | null>): void {
    for (const key of this.#ended) into.set(key, null);
    this.#ended = [];
    for (const [key, life] of this.#touched) {
      const text = packLife(life);
      this.#packed.set(key, text);
      into.set(key, text);
    }
    // Not `clear()`: V8 chains a map's tables, and a dead one in the old generation keeps the lives of all.
    this.#touched = new Map();
  }
}

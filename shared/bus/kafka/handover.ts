import type { KafkaError } from './errors.ts';
import type { RawRecord } from './raw-reader.ts';

/** How long the taker waits for more once it has something, milliseconds: another partition's fetch is near. */
const gatherMs = 10;

interface Offer {
  readonly records: readonly RawRecord[];
  taken: number;
  readonly settle: (whole: boolean) => void;
}

/**
 * Turns records that are pushed into records that are asked for. One offer stands at a time, and is done when
 * all of it was taken, so that nothing piles up in between.
 */
export class Handover {
  readonly #onTaken: (record: RawRecord) => unknown;
  #offer: Offer | undefined;
  #failure: KafkaError | undefined;
  #isOver = false;
  /** Wakes the taker. */
  #wake: () => void = () => {};

  /** @param onTaken told of each record at the moment that it is taken */
  constructor(onTaken: (record: RawRecord) => unknown) {
    this.#onTaken = onTaken;
  }

  /** No offer is taken any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** @returns whether all were taken; otherwise what was not is offered again or never. */
  offer(records: readonly RawRecord[]): Promise<boolean> {
    this.withdraw();
    if (this.#isOver) return Promise.resolve(false);
    return new Promise((settle) => {
      this.#offer = { records, taken: 0, settle };
      this.#wake();
    });
  }

  /** Whoever made the standing offer is gone, with its place in the group: what is left comes again. */
  withdraw(): void {
    const offer = this.#offer;
    this.#offer = undefined;
    offer?.settle(false);
  }

  /** @throws what `fail` was given, once nothing is left to take. */
  async take(max: number, waitMs: number, signal: AbortSignal): Promise<readonly RawRecord[]> {
    const records: RawRecord[] = [];
    const deadline = performance.now() + waitMs;
    for (;;) {
      this.#takeInto(records, max);
      if (this.#failure !== undefined && records.length === 0) throw this.#failure;
      if (records.length >= max || this.#isOver || signal.aborted) return records;
      const left = deadline - performance.now();
      const wait = records.length > 0 ? Math.min(gatherMs, left) : left;
      if (wait <= 0 || !(await this.#offered(wait, signal))) return records;
    }
  }

  fail(error: KafkaError): void {
    this.#failure ??= error;
    this.close();
  }

  close(): void {
    this.#isOver = true;
    this.withdraw();
    this.#wake();
  }

  #takeInto(records: RawRecord[], max: number): void {
    const offer = this.#offer;
    if (offer === undefined) return;
    const end = Math.min(offer.records.length, offer.taken + max - records.length);
    for (; offer.taken < end; offer.taken++) {
      const record = offer.records[offer.taken];
      if (record === undefined) continue;
      this.#onTaken(record);
      records.push(record);
    }
    if (offer.taken < offer.records.length) return;
    this.#offer = undefined;
    offer.settle(true);
  }

  /** Waits for an offer, or an end: true. */
  async #offered(waitMs: number, signal: AbortSignal): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    let wake: () => void = () => {};
    const woken = await new Promise<boolean>((resolve) => {
      wake = () => resolve(true);
      this.#wake = wake;
      timer = setTimeout(() => resolve(false), waitMs);
      signal.addEventListener('abort', wake);
      if (signal.aborted) wake();
    });
    clearTimeout(timer);
    signal.removeEventListener('abort', wake);
    this.#wake = () => {};
    return woken;
  }
}

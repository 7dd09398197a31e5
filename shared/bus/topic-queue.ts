import type { BatchBounds, BusBatch, BusRecord, OutgoingRecord, Topic } from './bus.ts';
import { BusError } from './errors.ts';

/** One call of `publish`: settled once all its records were handled, or one was not. */
interface Publication {
  unhandled: number;
  failed: boolean;
  readonly resolve: () => void;
  readonly reject: (error: BusError) => void;
}

interface Queued {
  readonly record: BusRecord;
  readonly publication: Publication;
  /** `performance.now()` when it came: the wall clock may jump. */
  readonly since: number;
}

/**
 * The records of one topic between `publish` and its subscriber's handler: one queue, one batch at a time.
 *
 * A batch goes out when it is full, or when its first record has waited long enough. Memory is bounded by
 * the publishers, who wait for their records.
 */
export class TopicQueue {
  readonly #topic: Topic;
  readonly #partition: string;
  readonly #bounds: BatchBounds;
  readonly #handle: (batch: BusBatch) => Promise<void>;
  #queue: Queued[] = [];
  #queuedBytes = 0;
  #offset = 0;
  /** What the last batch that was handled left for the next. */
  #note = '';
  readonly #closing = new AbortController();
  #running: Promise<void> | null = null;
  #wake: () => void = () => {};

  constructor(
    topic: Topic,
    partition: string,
    bounds: BatchBounds,
    handle: (batch: BusBatch) => Promise<void>,
  ) {
    this.#topic = topic;
    this.#partition = partition;
    this.#bounds = bounds;
    this.#handle = handle;
  }

  publish(records: readonly OutgoingRecord[]): Promise<void> {
    if (records.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const publication: Publication = { unhandled: records.length, failed: false, resolve, reject };
      const since = performance.now();
      for (const { key, value } of records) {
        const coordinates = `${this.#topic}/${this.#partition}/${this.#offset++}`;
        this.#queue.push({ record: { topic: this.#topic, key, value, coordinates }, publication, since });
        this.#queuedBytes += value.byteLength;
      }
      this.#wake();
      this.#running ??= this.#run();
    });
  }

  /** Handles what is queued without waiting for more; a handler that waits gives its batch back. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      await this.#waitForCompany();
      const batch = this.#take();
      try {
        let note = this.#note;
        await this.#handle({
          topic: this.#topic,
          records: batch.map(({ record }) => record),
          note,
          keep(left) {
            note = left;
          },
          released: this.#closing.signal,
        });
        this.#note = note;
      } catch (error) {
        this.#fail(batch, error);
        continue;
      }
      for (const { publication } of batch) {
        publication.unhandled -= 1;
        if (publication.unhandled === 0) publication.resolve();
      }
    }
    this.#running = null;
  }

  /** Until the next batch is full or due, or the bus closes. */
  async #waitForCompany(): Promise<void> {
    const due = (this.#queue[0]?.since ?? 0) + this.#bounds.maxWaitMs;
    for (;;) {
      const left = due - performance.now();
      const full =
        this.#queue.length >= this.#bounds.maxRecords || this.#queuedBytes >= this.#bounds.maxBytes;
      if (full || this.#closing.signal.aborted || left <= 0) return;
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        timer = setTimeout(resolve, left);
      });
      clearTimeout(timer);
    }
  }

  /** From the front, within the bounds; at least one record, also where it is over the bound alone. */
  #take(): Queued[] {
    let count = 0;
    let bytes = 0;
    for (const { record } of this.#queue) {
      if (count >= this.#bounds.maxRecords) break;
      if (count > 0 && bytes + record.value.byteLength > this.#bounds.maxBytes) break;
      count += 1;
      bytes += record.value.byteLength;
    }
    const batch = this.#queue.slice(0, count);
    this.#queue = this.#queue.slice(count);
    this.#queuedBytes -= bytes;
    return batch;
  }

  /**
   * Rejects every publication with a record in the batch. Its records that are still queued leave too: the
   * publisher sends all of them again, and none may overtake an earlier one of its key.
   */
  #fail(batch: readonly Queued[], cause: unknown): void {
    for (const { publication } of batch) {
      if (publication.failed) continue;
      publication.failed = true;
      publication.reject(
        new BusError('bus.not_handled', 'The consumer did not take the records; publish them again', cause),
      );
    }
    this.#queue = this.#queue.filter(({ publication }) => !publication.failed);
    this.#queuedBytes = this.#queue.reduce((sum, { record }) => sum + record.value.byteLength, 0);
  }
}

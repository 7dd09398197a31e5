import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '#shared/runtime';
import { StoreError } from '#shared/store';
import { IngesterError } from './errors.ts';
import type { RetryBounds } from './limits.ts';

/** An insert that did not succeed yet. */
export interface Waiting {
  /** `store.unavailable`, with the engine's code where it gave one: `store.unavailable 241`. */
  readonly reason: string;
  /** Tries so far. */
  readonly attempts: number;
}

/** Thrown to the bus, which wants the batch back: it is delivered again, here or elsewhere. */
export class BatchReleased extends Error {
  override readonly name = 'BatchReleased';
}

export interface InsertionDependencies {
  readonly logger: Logger;
  readonly retry: RetryBounds;
}

/**
 * Repeats inserts until they succeed, as long as they may. A store that is away, read-only, out of room or
 * overloaded is waited for, however long that takes, since nothing else can be done with the records: they
 * stay in their topic, which keeps them for days. What cannot succeed ends the ingester.
 */
export class Insertion {
  readonly #dependencies: InsertionDependencies;
  readonly #waiting = new Map<AbortSignal, Waiting>();
  #retries = 0;

  constructor(dependencies: InsertionDependencies) {
    this.#dependencies = dependencies;
  }

  /** Inserts that were repeated. */
  get retries(): number {
    return this.#retries;
  }

  /** The insert that began to fail first, of those that are waited for. */
  get waiting(): Waiting | null {
    return this.#waiting.values().next().value ?? null;
  }

  /**
   * @param insert the same bytes under the same token each time, so that a try whose answer was lost counts once
   * @param released the batch's: ends the wait for a next try, while a try at work is finished
   * @throws {BatchReleased} @throws {IngesterError}
   */
  async untilDone(insert: () => Promise<void>, released: AbortSignal): Promise<void> {
    try {
      for (let attempts = 1; !(await this.#tried(insert, attempts, released)); attempts++) this.#retries += 1;
    } finally {
      this.#waiting.delete(released);
    }
  }

  /** Whether it is done. If it is not, the wait before the next try is over. */
  async #tried(insert: () => Promise<void>, attempts: number, released: AbortSignal): Promise<boolean> {
    const { logger, retry } = this.#dependencies;
    try {
      await insert();
      return true;
    } catch (error) {
      const reason = reasonToWait(error);
      const delayMs = Math.min(retry.firstDelayMs * 2 ** Math.min(attempts - 1, 30), retry.maxDelayMs);
      logger.warn({ code: 'ingester.waiting', reason, attempt: attempts, delayMs }, 'an insert is repeated');
      this.#waiting.set(released, { reason, attempts });
      await sleep(delayMs, undefined, { signal: released }).catch(() => {
        throw new BatchReleased('The bus wanted the batch back');
      });
      return false;
    }
  }
}

/** @throws {IngesterError} where waiting does not help */
function reasonToWait(error: unknown): string {
  if (!(error instanceof StoreError)) {
    throw new IngesterError('ingester.fault', 'An insert failed by a fault of our own', { cause: error });
  }
  const reason = error.engineCode === undefined ? error.code : `${error.code} ${error.engineCode}`;
  if (mayPass(error)) return reason;
  throw new IngesterError('ingester.store_refused', 'The store refused an insert for good', { reason });
}

/**
 * A failure without any code is not ClickHouse's own: a proxy's page, a client's time-out, an answer cut
 * short. It is waited out, since nobody said that it lasts.
 */
function mayPass({ code, engineCode, retriable }: StoreError): boolean {
  return retriable || (code === 'store.refused' && engineCode === undefined);
}

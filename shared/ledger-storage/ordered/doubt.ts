import { barrierOf, LedgerError, type LedgerOrder, type RecordKey } from '#shared/ledger';
import { codeOf, type Logger } from '#shared/runtime';
import type { Follower } from './follower.ts';
import { orderedLimits as limits } from './limits.ts';

/**
 * Whether records that were sent and not read back can still count. A barrier settles it: behind it nothing
 * does that was decided before.
 */
export class Doubt {
  readonly #order: LedgerOrder;
  readonly #follower: Follower;
  readonly #key: RecordKey;
  readonly #logger: Logger;
  /** Size of the tree that the records were decided on. */
  #decidedOn: number | undefined;
  #settling: Promise<void> | undefined;
  /** Whether the last try failed: then nobody waits for the next. */
  #isAway = false;
  #isClosed = false;

  constructor(order: LedgerOrder, follower: Follower, key: RecordKey, logger: Logger) {
    this.#order = order;
    this.#follower = follower;
    this.#key = key;
    this.#logger = logger;
  }

  /** Begins with the tree as it is: something that was decided on it may be on its way. */
  begin(): void {
    this.#decidedOn = this.#follower.tree.counted.size;
    this.#settle();
  }

  /**
   * Resolves once nothing is in doubt; waits for no longer than `ms`, and not at all while the order is away.
   * @throws LedgerError `ledger.unavailable`
   */
  async untilSettled(ms: number = limits.doubtMs): Promise<void> {
    if (!this.#isOpen) return;
    this.#settle();
    if (!this.#isAway && (await this.#follower.until(() => !this.#isOpen, ms))) return;
    throw this.#follower.fault ?? unavailable();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#settling;
  }

  get #isOpen(): boolean {
    return this.#decidedOn !== undefined && this.#follower.tree.counted.size <= this.#decidedOn;
  }

  #settle(): void {
    this.#settling ??= this.#trySettling().finally(() => {
      this.#settling = undefined;
    });
  }

  async #trySettling(): Promise<void> {
    const isSettled = (): boolean => !this.#isOpen;
    while (this.#isOpen && !this.#isClosed && this.#follower.fault === undefined) {
      try {
        await this.#order.send([barrierOf(this.#follower.tree, this.#key)]);
        this.#isAway = !(await this.#follower.until(isSettled, limits.readBackMs));
      } catch (error) {
        this.#isAway = true;
        this.#logger.warn({ code: codeOf(error) }, 'what became of an append to the ledger is not known yet');
        await this.#follower.until(isSettled, limits.retryMs);
      }
    }
    this.#isAway = false;
  }
}

export function unavailable(): LedgerError {
  return new LedgerError('ledger.unavailable', 'What gives the ledger its order does not answer.');
}

import type { LedgerOrder, OrderedRecord, OrderReading } from '#shared/ledger';

/**
 * A replica's own way to the order of the ledger, on which it can fall behind: from then on it reads nothing
 * of what others write, until it writes itself, and so learns that it was overtaken.
 */
export class LateOrder implements LedgerOrder {
  readonly #order: LedgerOrder;
  #caughtUp: Promise<void> = Promise.resolve();
  #catchUp = (): void => {};

  constructor(order: LedgerOrder) {
    this.#order = order;
  }

  fallBehind(): void {
    this.catchUp();
    this.#caughtUp = new Promise((resolve) => {
      this.#catchUp = resolve;
    });
  }

  catchUp(): void {
    this.#catchUp();
  }

  bounds(): ReturnType<LedgerOrder['bounds']> {
    return this.#order.bounds();
  }

  async send(records: readonly Uint8Array[]): Promise<void> {
    await this.#order.send(records);
    this.catchUp();
  }

  follow(from: number, take: (records: readonly OrderedRecord[]) => Promise<void>): OrderReading {
    return this.#order.follow(from, async (records) => {
      await this.#caughtUp;
      await take(records);
    });
  }

  close(): Promise<void> {
    return this.#order.close();
  }
}

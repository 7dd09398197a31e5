import { setTimeout as sleep } from 'node:timers/promises';
import {
  confirmTree,
  copyWindow,
  grow,
  hashLeaf,
  judgeRecord,
  type Leaf,
  type Ledger,
  LedgerError,
  type OrderedRecord,
  type OrderedTree,
  type RecordKey,
} from '#shared/ledger';
import type { Logger } from '#shared/runtime';
import { orderedLimits as limits } from './limits.ts';

/** Entries of one commit of the tile directory. */
const commitEntries = 256;

/** What became of records that were sent: all in the tree, from an index on, or none. */
export type Outcome = { readonly index: number } | 'overtaken';

interface Expected {
  readonly records: readonly Uint8Array[];
  readonly settle: (outcome: Outcome) => void;
  /** Index of the first of them. */
  first: number;
  seen: number;
}

/**
 * Builds the tree of an order: judges each record and keeps the leaf that stands for it in the replica's own
 * ledger, durably, before anybody is told of it. What it has kept is the state of the replica; nothing is
 * taken back.
 */
export class Follower {
  readonly #inner: Ledger;
  readonly #key: RecordKey;
  readonly #logger: Logger;
  readonly #changed = new Set<() => void>();
  readonly #watchers: (() => void)[] = [];
  #tree: OrderedTree;
  /** The last leaf that is there already is read again, to see whether order and tree are of one history. */
  #unconfirmed: boolean;
  #expected: Expected | undefined;
  /** What this replica sent last. */
  #sent: readonly Uint8Array[] = [];
  #fault: LedgerError | undefined;
  #closed = false;
  /** Whether another replica was overtaken since this was set back. */
  overtookOthers = false;

  constructor(inner: Ledger, tree: OrderedTree, key: RecordKey, logger: Logger) {
    this.#inner = inner;
    this.#tree = tree;
    this.#key = key;
    this.#logger = logger;
    this.#unconfirmed = tree.size > 0;
  }

  get tree(): OrderedTree {
    return this.#tree;
  }

  /** Where reading begins, or goes on. */
  get next(): number {
    return this.#unconfirmed ? this.#tree.size - 1 : this.#tree.size;
  }

  /** Why nothing is followed any more, ever. */
  get fault(): LedgerError | undefined {
    return this.#fault;
  }

  fail(fault: LedgerError): void {
    this.#fault ??= fault;
    this.tell();
  }

  close(): void {
    this.#closed = true;
    this.tell();
  }

  watch(onGrown: () => void): void {
    this.#watchers.push(onGrown);
  }

  /** Resolves once it holds, or with false after a time, or where following is over. */
  async until(holds: () => boolean, ms: number): Promise<boolean> {
    const deadline = performance.now() + ms;
    for (;;) {
      if (holds()) return true;
      const left = deadline - performance.now();
      if (left <= 0 || this.#fault !== undefined || this.#closed) return false;
      await this.#change(left);
    }
  }

  /** Learns what becomes of records that are about to be sent, decided on the tree as it is. One at a time. */
  expect(records: readonly Uint8Array[]): () => Outcome | undefined {
    let outcome: Outcome | undefined;
    const settle = (found: Outcome): void => {
      outcome = found;
    };
    this.#sent = records;
    this.#expected = { records, settle, first: 0, seen: 0 };
    return () => outcome;
  }

  /** @throws LedgerError where the records cannot be of this tree's order; nothing is followed after that. */
  async take(records: readonly OrderedRecord[]): Promise<void> {
    try {
      let from = 0;
      if (this.#unconfirmed && records[0] !== undefined) {
        await this.#confirm(records[0]);
        from = 1;
      }
      for (; from < records.length; from += commitEntries) {
        await this.#takeSome(records.slice(from, from + commitEntries));
      }
    } catch (error) {
      if (error instanceof LedgerError && !this.#closed) this.fail(error);
      throw error;
    }
  }

  async #confirm({ place, bytes }: OrderedRecord): Promise<void> {
    const last = this.#tree.size - 1;
    if (place !== last) throw gap(last, place);
    for await (const leaf of this.#inner.entries(last)) {
      const confirmed = confirmTree(this.#tree, leaf.bytes, bytes, this.#key);
      if (confirmed === null) {
        throw new LedgerError(
          'ledger.order_differs',
          `Entry ${last} of this replica is not what the topic has there: one of the two is another installation's, or the topic was rewritten.`,
        );
      }
      this.#tree = confirmed;
    }
    this.#unconfirmed = false;
    this.tell();
  }

  async #takeSome(records: readonly OrderedRecord[]): Promise<void> {
    let tree = this.#tree;
    const leaves: Leaf[] = [];
    for (const { place, bytes } of records) {
      if (place !== tree.size) throw gap(tree.size, place);
      const leaf = await judgeRecord(bytes, tree, this.#key, (hash, from) =>
        this.#hasLeaf(hash, from, leaves),
      );
      leaves.push(leaf);
      tree = grow(tree, leaf, bytes);
    }
    await this.#keep(leaves);
    const isOwn = this.#settleExpected(records, leaves);
    this.#tree = tree;
    for (const [i, record] of records.entries()) this.#report(leaves[i]?.voided, record);
    this.tell();
    if (!isOwn) for (const onGrown of this.#watchers) onGrown();
  }

  async #hasLeaf(hash: Uint8Array, from: number, pending: readonly Leaf[]): Promise<boolean> {
    const { size } = this.#tree;
    const end = from + copyWindow;
    const isIt = (bytes: Uint8Array): boolean => Buffer.compare(hashLeaf(bytes), hash) === 0;
    if (from < size) {
      for await (const leaves of this.#inner.leaves(from, Math.min(end, size)))
        if (leaves.some(isIt)) return true;
    }
    return pending.slice(Math.max(0, from - size), Math.max(0, end - size)).some(({ bytes }) => isIt(bytes));
  }

  /** Until the disk has taken them: the order has them already, so that there is no other way on. */
  async #keep(leaves: readonly Leaf[]): Promise<void> {
    const after = this.#tree.size;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#inner.refresh();
        if (this.#inner.checkpoint().size === after + leaves.length) return;
        await this.#inner.append(
          leaves.map(({ entry }) => entry),
          { after },
        );
        return;
      } catch (error) {
        const isPassing =
          error instanceof LedgerError && ['ledger.unavailable', 'ledger.in_doubt'].includes(error.code);
        if (!isPassing || this.#closed) throw error;
        this.#logger.error(
          { code: error.code, attempt },
          'the replica’s own ledger cannot be written; waiting',
        );
        await sleep(limits.retryMs);
      }
    }
  }

  /** @returns whether all of them were expected. */
  #settleExpected(records: readonly OrderedRecord[], leaves: readonly Leaf[]): boolean {
    const expected = this.#expected;
    if (expected === undefined) return false;
    for (const [i, { place, bytes }] of records.entries()) {
      const { voided } = leaves[i] ?? {};
      const record = expected.records[expected.seen];
      const isNext = bytes !== null && record !== undefined && Buffer.compare(bytes, record) === 0;
      if (isNext && voided === undefined) {
        if (expected.seen === 0) expected.first = place;
        expected.seen++;
        if (expected.seen < expected.records.length) continue;
        this.#expected = undefined;
        expected.settle({ index: expected.first });
        return records.length === expected.records.length;
      }
      // What is void and not ours changes nothing.
      if (!isNext && voided !== undefined && voided !== 'barrier') continue;
      this.#expected = undefined;
      expected.settle('overtaken');
      return false;
    }
    return false;
  }

  #report(voided: Leaf['voided'], { place, bytes }: OrderedRecord): void {
    const isOwn = this.#sent.some((sent) => bytes !== null && Buffer.compare(sent, bytes) === 0);
    if (voided === 'overtaken' && !isOwn) this.overtookOthers = true;
    if (voided === 'foreign') {
      this.#logger.error(
        { code: 'ledger.foreign_record', entryIndex: place },
        'somebody else wrote to the topic of the ledger; see who may',
      );
    }
  }

  #change(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#changed.delete(done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#changed.add(done);
    });
  }

  /** Has those who wait in `until` look again. */
  tell(): void {
    for (const done of [...this.#changed]) done();
  }
}

function gap(expected: number, found: number): LedgerError {
  return new LedgerError(
    'ledger.order_differs',
    `The topic has record ${found} where ${expected} was due: it was compacted or cut, or somebody wrote to it in transactions.`,
  );
}

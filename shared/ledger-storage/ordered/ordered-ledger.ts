import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AppendedEntry,
  createLedger,
  encodeEntry,
  hashLeaf,
  type Ledger,
  type LedgerEntry,
  LedgerError,
  type LedgerOrder,
  type LedgerStorage,
  type NoteSigner,
  type OrderReading,
  readOrderedTree,
  recordsOf,
} from '#shared/ledger';
import { codeOf, type Logger, Mutex } from '#shared/runtime';
import { Doubt, unavailable } from './doubt.ts';
import { Follower, type Outcome } from './follower.ts';
import { orderedLimits as limits } from './limits.ts';

export interface OrderedLedgerOptions {
  /** Closed with the ledger. */
  readonly order: LedgerOrder;
  /** The replica's own copy of the tree. */
  readonly cache: LedgerStorage;
  /** The same key on all replicas, so that trees of one size have one checkpoint. */
  readonly signer: NoteSigner;
  /** Of the replicas; see `RecordKey`. */
  readonly secret: Uint8Array;
  readonly logger: Logger;
}

export interface OrderedLedger extends Ledger {
  /** Asks the order whether it is there, and still what the tree was built from. Rejects where not. */
  ask(): Promise<void>;
  /** Resolves, if ever, with why this replica cannot go on. */
  readonly failed: Promise<LedgerError>;
}

/*
 * How an append goes, in this one place:
 *
 *  1. send      a record for each entry, which names the tree that they were decided on (size and root).
 *  2. read back everything in the order up to these records; each becomes a leaf of the replica's own tree,
 *               on its own disk, fsynced, with a checkpoint. A record before which something else came to
 *               count is void, on every replica alike.
 *  3. answer    by what was read: in, or overtaken. The broker's own answer to the send decides nothing.
 *
 * Where nothing is read back in time the outcome is in doubt, and no other append begins before it is
 * settled: a barrier makes everything void that was decided before it and comes behind it. So it is at a start, after a process that was killed.
 */

/**
 * The ledger of a replica: follows the order to its end, then appends to it.
 * @throws LedgerError `ledger.order_differs`, and what `createLedger` throws; whatever the order rejects with
 */
export async function createOrderedLedger(options: OrderedLedgerOptions): Promise<OrderedLedger> {
  const { order, cache, signer, secret, logger } = options;
  const inner = await createLedger({ storage: cache, signer });
  const key = { origin: signer.verifier.name, secret };
  const mutex = new Mutex();
  let waiting = 0;
  let closed = false;
  let reading: OrderReading | undefined;
  let fail: (error: LedgerError) => void = () => {};
  const failed = new Promise<LedgerError>((resolve) => {
    fail = resolve;
  });

  const follower = await openFollower().catch(async (error: unknown) => {
    await inner.close();
    throw error;
  });

  const doubt = new Doubt(order, follower, key, logger);

  async function openFollower(): Promise<Follower> {
    return new Follower(inner, await readOrderedTree(cache, inner.checkpoint()), key, logger);
  }

  async function start(): Promise<void> {
    const end = await checkBounds();
    void keepFollowing();
    // Forming a consumer group takes its time, and an append waits for no more than some seconds.
    let isReading = false;
    void reading?.ready.then(() => {
      isReading = true;
      follower.tell();
    });
    if (!(await follower.until(() => isReading, limits.stallMs))) throw follower.fault ?? unavailable();
    while (follower.next < end) {
      const { next } = follower;
      if (await follower.until(() => follower.next > next, limits.stallMs)) continue;
      throw follower.fault ?? unavailable();
    }
    if (end === 0) return;
    // What a process that was killed had sent may still be on its way.
    doubt.begin();
    await doubt.untilSettled(limits.stallMs);
  }

  /** @returns the order's end. */
  async function checkBounds(): Promise<number> {
    const { size } = follower.tree;
    const { first, end } = await order.bounds();
    if (first > 0) {
      throw differs(
        `The topic begins with record ${first}: what came before was deleted. Nothing may ever be deleted from it.`,
      );
    }
    if (end < size) {
      throw differs(
        `The topic has ${end} records and this replica has followed ${size}: the topic was cut, or made anew.`,
      );
    }
    return end;
  }

  async function keepFollowing(): Promise<void> {
    while (!closed && follower.fault === undefined) {
      reading = order.follow(follower.next, (records) => follower.take(records));
      const error = await reading.ended;
      await reading.close();
      if (closed) return;
      logger.warn({ code: codeOf(error) }, 'reading the order of the ledger ended; beginning again');
      await sleep(limits.retryMs);
      await ask().catch(() => {});
    }
    if (follower.fault !== undefined) fail(follower.fault);
  }

  async function ask(): Promise<void> {
    if (follower.fault !== undefined) throw follower.fault;
    try {
      await checkBounds();
    } catch (error) {
      if (error instanceof LedgerError && error.code === 'ledger.order_differs') {
        follower.fail(error);
        fail(error);
      }
      throw error;
    }
  }

  async function untilSettled(): Promise<void> {
    if (closed) throw new LedgerError('ledger.closed', 'This ledger was closed.');
    if (follower.fault !== undefined) throw follower.fault;
    await doubt.untilSettled();
  }

  async function appendNow(
    encoded: readonly Uint8Array[],
    after: number | undefined,
  ): Promise<readonly AppendedEntry[]> {
    for (;;) {
      await untilSettled();
      await yieldOnce();
      const { counted, size } = follower.tree;
      if (after !== undefined && (after < counted.size || after > size)) throw overtaken();
      const outcome = await put(encoded);
      if (outcome !== 'overtaken') {
        const { index } = outcome;
        const checkpoint = inner.checkpoint();
        return encoded.map((entry, i) => ({ index: index + i, leafHash: hashLeaf(entry), checkpoint }));
      }
      if (after !== undefined) throw overtaken();
    }
  }

  /** Lets another replica go first that came second last time. */
  async function yieldOnce(): Promise<void> {
    if (!follower.overtookOthers) return;
    const { size } = follower.tree;
    await follower.until(() => follower.tree.size > size, limits.yieldMs);
    follower.overtookOthers = false;
  }

  async function put(encoded: readonly Uint8Array[]): Promise<Outcome> {
    const records = recordsOf(encoded, follower.tree, key);
    const outcome = follower.expect(records);
    const sending = order.send(records).then(
      () => true,
      (error: unknown) => {
        logger.warn({ code: codeOf(error) }, 'the order of the ledger did not take an entry');
        return false;
      },
    );
    const isKnown = () => outcome() !== undefined;
    const isRead = follower.until(isKnown, limits.readBackMs);
    const wasTaken = await Promise.race([isRead, sending]);
    if (!isKnown()) await (wasTaken ? isRead : follower.until(isKnown, limits.afterFailureMs));
    const known = outcome();
    if (known !== undefined) return known;
    if (follower.fault !== undefined) throw follower.fault;
    doubt.begin();
    throw new LedgerError('ledger.in_doubt', 'It is not known yet whether the entries are in.');
  }

  async function close(): Promise<void> {
    if (closed) return;
    await mutex.run(async () => {
      closed = true;
    });
    follower.close();
    await reading?.close();
    await doubt.close();
    await order.close();
    await inner.close();
  }

  try {
    await start();
  } catch (error) {
    await close();
    throw error;
  }

  return {
    append: async (entries, { after } = {}) => {
      if (closed) throw new LedgerError('ledger.closed', 'This ledger was closed.');
      const encoded = encodeAll(entries);
      if (waiting >= limits.waiting) {
        throw new LedgerError('ledger.overloaded', 'Too many entries wait to be written.');
      }
      waiting++;
      try {
        return await mutex.run(() => appendNow(encoded, after));
      } finally {
        waiting--;
      }
    },
    refresh: untilSettled,
    isShared: true,
    watch: (onGrown) => follower.watch(onGrown),
    ask,
    failed,
    close,
    checkpoint: () => inner.checkpoint(),
    entries: (from, to) => inner.entries(from, to),
    leaves: (from, to) => inner.leaves(from, to),
    inclusionReceipt: (index) => inner.inclusionReceipt(index),
    consistencyProof: (first, second) => inner.consistencyProof(first, second),
  };
}

function encodeAll(entries: readonly LedgerEntry[]): Uint8Array[] {
  const encoded = entries.slice(0, 257).map(encodeEntry);
  const bytes = encoded.reduce((sum, { length }) => sum + length, 0);
  if (encoded.length < 1 || encoded.length > 256 || bytes > limits.appendBytes) {
    throw new LedgerError(
      'ledger.batch_size',
      `An append has 1 to 256 entries of at most ${limits.appendBytes} bytes together.`,
    );
  }
  return encoded;
}

function overtaken(): LedgerError {
  return new LedgerError('ledger.overtaken', 'Other entries came in between.');
}

function differs(message: string): LedgerError {
  return new LedgerError('ledger.order_differs', message);
}

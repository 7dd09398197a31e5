import {
  confirmTree,
  createLedger,
  decodeEntry,
  emptyTree,
  grow,
  LedgerError,
  type LedgerOrder,
  type OrderedTree,
  type RecordKey,
  recordsOf,
} from '#shared/ledger';
import { orderedLimits as limits } from './limits.ts';
import type { OrderedLedgerOptions } from './ordered-ledger.ts';

/** Entries of one send. */
const sendEntries = 256;

/**
 * Puts into an order what a tree has and the order lacks: all of it where a ledger moves from one process to
 * several replicas, the end of it where the order lost what was acknowledged. The tree that follows from the
 * order is then this one, to the last byte. Nothing else may write to the order meanwhile; cut off, it is done
 * again.
 * @returns how many records were put
 * @throws LedgerError `ledger.order_differs` where what the order has is not the beginning of this tree
 */
export async function seedOrder({
  order,
  cache,
  signer,
  secret,
}: Omit<OrderedLedgerOptions, 'logger'>): Promise<number> {
  const key = { origin: signer.verifier.name, secret };
  if ((await cache.readCommitted()) === undefined) {
    throw new LedgerError('ledger.order_differs', 'There is no ledger that could be put into the topic.');
  }
  const ledger = await createLedger({ storage: cache, signer });
  try {
    const { size } = ledger.checkpoint();
    const { first, end } = await order.bounds();
    if (first > 0 || end > size) {
      throw new LedgerError(
        'ledger.order_differs',
        `The topic has records ${first} to ${end}, and this ledger ${size} entries: it is no beginning of them.`,
      );
    }
    let tree = emptyTree;
    let waiting: Uint8Array[] = [];
    let behind = tree;
    for await (const leaves of ledger.leaves()) {
      for (const bytes of leaves) {
        const isMissing = tree.size >= end;
        if (isMissing && isFull(waiting, bytes)) {
          await order.send(recordsOf(waiting, behind, key));
          waiting = [];
        }
        if (waiting.length === 0) behind = tree;
        if (tree.size === end - 1) await confirm(order, grown(tree, bytes), bytes, key);
        if (isMissing) waiting.push(bytes);
        tree = grown(tree, bytes);
      }
    }
    if (waiting.length > 0) await order.send(recordsOf(waiting, behind, key));
    return size - end;
  } finally {
    await ledger.close();
  }
}

const grown = (tree: OrderedTree, bytes: Uint8Array): OrderedTree =>
  grow(tree, { entry: decodeEntry(bytes), bytes }, null);

function isFull(waiting: readonly Uint8Array[], next: Uint8Array): boolean {
  const bytes = waiting.reduce((sum, { length }) => sum + length, next.length);
  return waiting.length === sendEntries || (waiting.length > 0 && bytes > limits.appendBytes);
}

/** Sees that the order's last record is that of the tree's leaf there. */
async function confirm(
  order: LedgerOrder,
  tree: OrderedTree,
  leaf: Uint8Array,
  key: RecordKey,
): Promise<void> {
  const index = tree.size - 1;
  let tell: (bytes: Uint8Array | null) => void = () => {};
  const found = new Promise<Uint8Array | null>((resolve) => {
    tell = resolve;
  });
  const reading = order.follow(index, async ([record]) => {
    if (record?.place === index) tell(record.bytes);
  });
  const ended = reading.ended.then((error) => {
    throw error;
  });
  try {
    const bytes = await Promise.race([found, ended]);
    if (confirmTree(tree, leaf, bytes, key) !== null) return;
    throw new LedgerError('ledger.order_differs', `Record ${index} of the topic is not of this ledger.`);
  } finally {
    await reading.close();
  }
}

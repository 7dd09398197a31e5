import { createHash } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import type { SignedCheckpoint } from './checkpoint.ts';
import { decodeEntry, encodeEntry, entryVersion, type LedgerEntry } from './entry.ts';
import { LedgerError } from './errors.ts';
import { emptyRoot, equalHashes, type Hash, hashLeaf } from './hash.ts';
import { decodeRecord, encodeRecord, type RecordKey, recordDigest } from './ordered-record.ts';
import { addLeaf, type Peaks, rootOfPeaks } from './peaks.ts';
import { readTip } from './recover.ts';
import { edgePeaks } from './right-edge.ts';
import type { LedgerStorage } from './storage.ts';
import { tileSpan } from './tile-path.ts';
import { createTreeReader } from './tree-reader.ts';

/*
 * How a tree follows from an order. Every record is one leaf, so that a leaf's index is its record's place:
 *
 *  - an entry that was decided on the tree up to the last leaf that counts: the entry itself. Leaves that
 *    are void may lie in between, for they changed nothing;
 *  - anything else: an entry `ledger.voided` that says so, the same for every replica.
 *
 * So of two commands that were decided on one tree the first counts, and the other one's author decides it
 * again on the tree that came of it: of all that are sent, one always counts. A record that comes twice
 * counts once: what its copy was decided on is no longer the last.
 */

/** The tree as far as records were read. Values are replaced, never changed. */
export interface OrderedTree {
  readonly size: number;
  readonly peaks: Peaks;
  /** Time of the last entry; empty before the first. */
  readonly at: string;
  /** The tree up to the last leaf that counts: what decisions are made on. A barrier counts. */
  readonly counted: { readonly size: number; readonly root: Hash };
  /** Digest of the last record, where its entry stands in the tree: another of the same append may follow. */
  readonly last?: Hash;
}

export const emptyTree: OrderedTree = {
  size: 0,
  peaks: [],
  at: '',
  counted: { size: 0, root: emptyRoot },
};

/** The tree that was committed to storage. @throws LedgerError `ledger.corrupt` */
export async function readOrderedTree(storage: LedgerStorage, head: SignedCheckpoint): Promise<OrderedTree> {
  const tip = await readTip(storage, head);
  const peaks = edgePeaks(tip.edge);
  const reader = createTreeReader(storage, tip);
  const { size } = head;
  if (size === 0) return emptyTree;
  let at: string | undefined;
  for (let index = Math.floor((size - 1) / tileSpan); index >= 0; index--) {
    const leaves = await reader.bundle(index);
    for (let i = leaves.length - 1; i >= 0; i--) {
      const entry = decodeEntry(leaves[i] ?? new Uint8Array());
      at ??= entry.at;
      if (!isCounted(entry)) continue;
      const end = index * tileSpan + i + 1;
      const root = await reader.rangeHash({ start: 0, end });
      return { size, peaks, at, counted: { size: end, root } };
    }
  }
  throw new LedgerError('ledger.corrupt', 'No entry of this ledger counts.');
}

/** Whether what was decided before it no longer counts behind it. */
function isCounted({ kind, details }: LedgerEntry): boolean {
  return kind !== 'ledger.voided' || details.reason === 'barrier';
}

/** Why a record is no entry of the ledger. */
export const voidReasons = [
  /** Another record came first: it was decided on a tree that was no longer the last. */
  'overtaken',
  /** A copy of a record that counts. */
  'repeated',
  /** Put there to see whether a record that went out of sight can still come. */
  'barrier',
  /** Written by somebody without the replicas' secret. */
  'foreign',
] as const;
export type VoidReason = (typeof voidReasons)[number];

/** What stands in the tree for a record. */
export interface Leaf {
  readonly entry: LedgerEntry;
  readonly bytes: Uint8Array;
  /** Absent for an entry that counts. */
  readonly voided?: VoidReason;
}

/** Records for entries that were decided on `tree`, to be put next to each other. */
export function recordsOf(
  entries: readonly Uint8Array[],
  { counted }: OrderedTree,
  key: RecordKey,
): Uint8Array[] {
  let before: Uint8Array | undefined;
  return entries.map((entry) => {
    const behind = before === undefined ? {} : { behind: recordDigest(before) };
    before = encodeRecord({ ...counted, ...behind, entry }, key);
    return before;
  });
}

/** A record that takes a place, so that nothing which was decided on this tree can come any more. */
export function barrierOf({ counted }: OrderedTree, key: RecordKey): Uint8Array {
  return encodeRecord({ ...counted, entry: new Uint8Array() }, key);
}

/**
 * The leaf of the next record.
 * @param bytes of the record; null where it has no value
 * @param hasLeaf whether a leaf of this hash is among those from an index on, and of the next `copyWindow`
 * @throws LedgerError `ledger.order_differs` where a replica's record tells of another tree than this one;
 * `ledger.entry_invalid` where a newer version of Griffie wrote it: nothing can be said of what follows.
 */
export async function judgeRecord(
  bytes: Uint8Array | null,
  tree: OrderedTree,
  key: RecordKey,
  hasLeaf: (hash: Hash, from: number) => Promise<boolean>,
): Promise<Leaf> {
  const record = bytes === null ? null : decodeRecord(bytes, key);
  if (bytes === null || record === null) {
    if (tree.size === 0) throw otherInstallation();
    return voidLeaf('foreign', bytes, tree);
  }
  const { size, root, behind, entry } = record;
  const { counted, last } = tree;
  const isOnThis = size === counted.size && equalHashes(root, counted.root);
  if (size > counted.size || (size === counted.size && !isOnThis)) throw anotherTree(tree.size);
  if (entry.length === 0) {
    if (tree.size === 0) throw otherInstallation();
    return voidLeaf('barrier', bytes, tree, { after: size });
  }
  const counts = behind === undefined ? isOnThis : last !== undefined && equalHashes(behind, last);
  if (counts) return { entry: decodeEntry(entry), bytes: entry };
  const leaf = hashLeaf(entry);
  const details = { after: size, leaf: Buffer.from(leaf).toString('hex') };
  return voidLeaf((await hasLeaf(leaf, size)) ? 'repeated' : 'overtaken', bytes, tree, details);
}

/** Leaves among which a copy's original is looked for, from the tree that both were decided on. */
export const copyWindow = 1_024;

/** @param record whose leaf it is; null where it has no value */
export function grow(tree: OrderedTree, leaf: Leaf, record: Uint8Array | null): OrderedTree {
  const { entry, bytes, voided } = leaf;
  const size = tree.size + 1;
  const peaks = addLeaf(tree.peaks, hashLeaf(bytes));
  const counted = isCounted(entry) ? { size, root: rootOfPeaks(peaks) } : tree.counted;
  const last = voided === undefined && record !== null ? { last: recordDigest(record) } : {};
  return { size, peaks, at: entry.at, counted, ...last };
}

/**
 * Whether the last leaf of the tree is what follows from this record: the tree and the order are of one
 * history.
 * @returns the tree as it was before it was written to storage; null where not
 */
export function confirmTree(
  tree: OrderedTree,
  leaf: Uint8Array,
  bytes: Uint8Array | null,
  key: RecordKey,
): OrderedTree | null {
  const record = bytes === null ? null : decodeRecord(bytes, key);
  if (bytes !== null && record !== null && Buffer.compare(record.entry, leaf) === 0) {
    return { ...tree, last: recordDigest(bytes) };
  }
  const { kind, id, at } = decodeEntry(leaf);
  return kind === 'ledger.voided' && id === voidId(bytes, tree.size - 1, at) ? tree : null;
}

function voidLeaf(
  voided: VoidReason,
  record: Uint8Array | null,
  { size, at }: OrderedTree,
  details: { readonly after?: number; readonly leaf?: string } = {},
): Leaf {
  const entry: LedgerEntry = {
    v: entryVersion,
    kind: 'ledger.voided',
    id: voidId(record, size, at),
    // Nobody decided it, so that it has no time of its own: that of the entry before it.
    at,
    actor: { service: 'ledger' },
    details: { reason: voided, ...details },
  };
  return { entry, bytes: encodeEntry(entry), voided };
}

/** A UUIDv7 that every replica makes the same: of the record, its place, and the time. */
function voidId(record: Uint8Array | null, index: number, at: string): string {
  const digest = createHash('sha256')
    .update(`${index}\n`)
    .update(record ?? new Uint8Array())
    .digest();
  return uuidv7({ msecs: Date.parse(at), seq: digest.readUInt32BE(0), random: digest.subarray(4, 20) });
}

function anotherTree(size: number): LedgerError {
  return new LedgerError(
    'ledger.order_differs',
    `The topic goes on from another history than this replica's ${size} entries: it was rewritten, or it lost records.`,
  );
}

function otherInstallation(): LedgerError {
  return new LedgerError(
    'ledger.order_differs',
    "The topic does not begin with an entry under this installation's keys: it is another one's, or this replica lacks the first one's key folder.",
  );
}

import type { SignedCheckpoint } from './checkpoint.ts';
import { commitHead, maxCommitEntries, prepareCommit, removePartials } from './commit.ts';
import { consistencyPath } from './consistency-proof.ts';
import { decodeEntry, encodeEntry, type LedgerEntry } from './entry.ts';
import { LedgerError } from './errors.ts';
import { equalHashes, type Hash, hashLeaf } from './hash.ts';
import { inclusionPath } from './inclusion-proof.ts';
import type { NoteSigner } from './note-key.ts';
import { isCount, type LeafRange } from './ranges.ts';
import { formatReceipt } from './receipt.ts';
import { type LedgerState, recover } from './recover.ts';
import type { LedgerStorage } from './storage.ts';
import { tileSpan } from './tile-path.ts';
import { createTreeReader } from './tree-reader.ts';

/** Most entries that may wait for the disk; more are refused, so that a slow disk cannot fill the memory. */
const maxWaiting = 4_096;

/** An entry that is durable and public. */
export interface AppendedEntry {
  readonly index: number;
  readonly leafHash: Hash;
  /** The first checkpoint that has it. */
  readonly checkpoint: SignedCheckpoint;
}

export interface RecordedEntry {
  readonly index: number;
  readonly entry: LedgerEntry;
  /** The leaf's exact bytes. */
  readonly bytes: Uint8Array;
}

export interface AppendOptions {
  /** Size of the tree on which the entries were decided: they come directly behind it, or not at all. */
  readonly after?: number;
}

export interface Ledger {
  /** Whether others write it, too: then entries may come in between that nobody here has decided on. */
  readonly isShared: boolean;
  /**
   * Appends entries in this order, next to each other, all or none; 1 to 256 of them. Resolves once they are
   * durable and published. Calls at the same time share a commit and keep the order in which they were made.
   * @throws LedgerError `ledger.entry_invalid`, `.batch_size`, `.overloaded`, `.closed`: nothing was tried;
   * `.unavailable`: nothing was appended, try again; `.overtaken`: nothing was appended, because the tree is
   * no longer the one that `after` names; `.in_doubt`: look for the entries by their id before trying again,
   * after `refresh`; `.corrupt`, `.wrong_key`, `.lock_lost`, `.order_differs`: stop.
   */
  append(entries: readonly LedgerEntry[], options?: AppendOptions): Promise<readonly AppendedEntry[]>;
  /** Calls back whenever others have appended; a ledger of one writer never does. */
  watch(onGrown: () => void): void;
  /** The latest checkpoint. */
  checkpoint(): SignedCheckpoint;
  /**
   * After an append that ended `in_doubt`: asks storage which entries are in, so that `checkpoint` and
   * `entries` tell it. Nothing is done otherwise. Waits for appends that are under way.
   * @throws LedgerError `ledger.unavailable` where storage still does not answer.
   */
  refresh(): Promise<void>;
  /**
   * Entries from index `from` up to and without `to` (by default all), each checked against the checkpoint
   * of the moment of the call.
   * @throws LedgerError `ledger.out_of_range`, `ledger.corrupt`, `ledger.entry_invalid`.
   */
  entries(from?: number, to?: number): AsyncIterable<RecordedEntry>;
  /**
   * The same as bytes, one bundle's at a time and not decoded: for those who read many.
   * @throws LedgerError `ledger.out_of_range`, `ledger.corrupt`.
   */
  leaves(from?: number, to?: number): AsyncIterable<readonly Uint8Array[]>;
  /**
   * The receipt (`.tlog-proof`) of the entry at `index`, in the latest checkpoint, with the entry's bytes as
   * extra data: whoever has the receipt can verify it without access to the ledger.
   * @throws LedgerError `ledger.out_of_range`, `ledger.corrupt`.
   */
  inclusionReceipt(index: number): Promise<string>;
  /**
   * Hashes that prove that the tree of `first` entries is the beginning of that of `second`.
   * @throws LedgerError `ledger.out_of_range` unless 1 <= first <= second <= size; `ledger.corrupt`.
   */
  consistencyProof(first: number, second: number): Promise<readonly Hash[]>;
  /** Finishes what was accepted, then gives the lock back. */
  close(): Promise<void>;
}

export interface LedgerOptions {
  readonly storage: LedgerStorage;
  /** Its name is the log's origin. */
  readonly signer: NoteSigner;
}

/** An append that waits for its commit. */
interface Waiting {
  readonly entries: readonly Uint8Array[];
  readonly after: number | undefined;
  resolve(appended: readonly AppendedEntry[]): void;
  reject(error: LedgerError): void;
}

/**
 * Opens a ledger for writing, or begins one in an empty storage, after the repairs in `recover.ts`.
 * @throws LedgerError `ledger.locked`, `.corrupt`, `.wrong_key`, `.unavailable`.
 */
export async function createLedger({ storage, signer }: LedgerOptions): Promise<Ledger> {
  const lock = await storage.lock();
  let state: LedgerState;
  try {
    state = await recover(storage, signer);
  } catch (error) {
    await lock.release();
    throw asLedgerError(error);
  }
  const queue: Waiting[] = [];
  let waitingEntries = 0;
  let drained = Promise.resolve();
  let draining = false;
  let closed = false;
  /** After a failed write, storage may hold what memory does not know of. */
  let mustRecover = false;
  /** Set once another writer was seen: this one never writes again. */
  let fenced: LedgerError | undefined;

  /** Starts the one piece of work that may write; it ends in `drain`. */
  function run(work: () => Promise<void>): void {
    draining = true;
    drained = work();
  }

  async function drain(): Promise<void> {
    // A turn of the microtask queue, so that calls made together share the first commit too.
    await Promise.resolve();
    while (queue.length > 0) {
      const group = takeGroup();
      await settle(group);
    }
    draining = false;
  }

  function takeGroup(): Waiting[] {
    const group: Waiting[] = [];
    let count = 0;
    for (const waiting of queue) {
      if (count + waiting.entries.length > maxCommitEntries) break;
      count += waiting.entries.length;
      group.push(waiting);
    }
    queue.splice(0, group.length);
    waitingEntries -= count;
    return group;
  }

  async function settle(group: readonly Waiting[]): Promise<void> {
    try {
      await makeReady();
      const due = withoutOvertaken(group);
      if (due.length === 0) return;
      let index = await commit(due.flatMap(({ entries }) => entries));
      const checkpoint = state.head;
      for (const { entries, resolve } of due) {
        resolve(entries.map((entry) => ({ index: index++, leafHash: hashLeaf(entry), checkpoint })));
      }
    } catch (error) {
      const fault = asLedgerError(error);
      if (fault.code === 'ledger.lock_lost') fenced = fault;
      for (const { reject } of group) reject(fault);
    }
  }

  /** Those of the group that come where they were decided; the others learn that they do not. */
  function withoutOvertaken(group: readonly Waiting[]): Waiting[] {
    let { size } = state.head;
    return group.filter(({ entries, after, reject }) => {
      const isDue = after === undefined || after === size;
      if (isDue) size += entries.length;
      else reject(new LedgerError('ledger.overtaken', 'Other entries came in between.'));
      return isDue;
    });
  }

  async function makeReady(): Promise<void> {
    if (fenced !== undefined) throw fenced;
    if (!(await lock.isHeld())) {
      throw new LedgerError('ledger.lock_lost', "This process's lock on the ledger was taken away.");
    }
    if (mustRecover) await reopen();
  }

  /** @returns the index of the first entry. */
  async function commit(entries: readonly Uint8Array[]): Promise<number> {
    const from = state;
    const next = prepareCommit(from, entries, signer);
    mustRecover = true;
    await storage.stage(next.files);
    try {
      await commitHead(storage, from.head, next.state.head);
      state = next.state;
    } catch (error) {
      await resolveDoubt(next.state, error);
    }
    mustRecover = false;
    // Tidying is no part of the promise, and a start does it again.
    await removePartials(storage, next.completed).catch(() => {});
    return from.head.size;
  }

  async function reopen(): Promise<void> {
    state = await recover(storage, signer);
    mustRecover = false;
  }

  /** The swap or the publishing failed: asks storage which head it has. Returns where it is the new one. */
  async function resolveDoubt(wanted: LedgerState, error: unknown): Promise<void> {
    if (error instanceof LedgerError && error.code === 'ledger.lock_lost') throw error;
    try {
      await reopen();
    } catch (cause) {
      throw new LedgerError('ledger.in_doubt', 'The ledger could not find out whether the entries are in.', {
        cause,
      });
    }
    const { head } = state;
    if (head.size !== wanted.head.size || !equalHashes(head.root, wanted.head.root)) throw error;
  }

  async function proof(path: readonly LeafRange[], { edge, bundle }: LedgerState): Promise<Hash[]> {
    const reader = createTreeReader(storage, { edge, bundle });
    const hashes: Hash[] = [];
    for (const range of path) hashes.push(await reader.rangeHash(range));
    return hashes;
  }

  return {
    isShared: false,
    watch: () => {},
    append: async (entries, { after } = {}) => {
      if (closed) throw closedError();
      if (entries.length < 1 || entries.length > maxCommitEntries) {
        throw new LedgerError('ledger.batch_size', `An append has 1 to ${maxCommitEntries} entries.`);
      }
      const encoded = entries.map(encodeEntry);
      if (waitingEntries + encoded.length > maxWaiting) {
        throw new LedgerError('ledger.overloaded', 'Too many entries wait to be written.');
      }
      waitingEntries += encoded.length;
      const appended = new Promise<readonly AppendedEntry[]>((resolve, reject) => {
        queue.push({ entries: encoded, after, resolve, reject });
      });
      if (!draining) run(drain);
      return appended;
    },
    checkpoint: () => state.head,
    refresh: async () => {
      while (draining) await drained;
      if (!mustRecover) return;
      if (closed) throw closedError();
      if (fenced !== undefined) throw fenced;
      let fault: unknown;
      // In the writer's own turn: what it removes must not be what a commit beside it has just staged.
      run(async () => {
        await reopen().catch((error: unknown) => {
          fault = error;
        });
        await drain();
      });
      await drained;
      if (fault !== undefined) throw asLedgerError(fault);
    },
    entries: (from = 0, to = state.head.size) => readEntries(storage, state, from, to),
    leaves: (from = 0, to = state.head.size) => readLeaves(storage, state, from, to),
    inclusionReceipt: async (index) => {
      const { head } = state;
      if (!isCount(index) || index >= head.size) throw outOfRange(head);
      const hashes = await proof(inclusionPath(index, head.size), state);
      let entry: Uint8Array = new Uint8Array();
      for await (const { bytes } of readEntries(storage, state, index, index + 1)) entry = bytes;
      return formatReceipt({ index, extra: entry, proof: hashes, checkpointNote: head.note });
    },
    consistencyProof: async (first, second) => {
      const { head } = state;
      const valid = isCount(first) && isCount(second) && first >= 1 && first <= second;
      if (!valid || second > head.size) throw outOfRange(head);
      return proof(consistencyPath(first, second), state);
    },
    close: async () => {
      if (closed) return;
      closed = true;
      await drained;
      await lock.release();
    },
  };
}

async function* readEntries(
  storage: LedgerStorage,
  state: LedgerState,
  from: number,
  to: number,
): AsyncGenerator<RecordedEntry> {
  let index = from;
  for await (const leaves of readLeaves(storage, state, from, to)) {
    for (const bytes of leaves) yield { index: index++, entry: decodeEntry(bytes), bytes };
  }
}

async function* readLeaves(
  storage: LedgerStorage,
  { head, edge, bundle }: LedgerState,
  from: number,
  to: number,
): AsyncGenerator<readonly Uint8Array[]> {
  if (!isCount(from) || !isCount(to) || from > to || to > head.size) throw outOfRange(head);
  const reader = createTreeReader(storage, { edge, bundle });
  for (let start = from - (from % tileSpan); start < to; start += tileSpan) {
    const leaves = await reader.bundle(start / tileSpan);
    yield leaves.slice(Math.max(from - start, 0), to - start);
  }
}

function outOfRange({ size }: SignedCheckpoint): LedgerError {
  return new LedgerError('ledger.out_of_range', `This ledger has ${size} entries.`);
}

function closedError(): LedgerError {
  return new LedgerError('ledger.closed', 'This ledger was closed.');
}

function asLedgerError(error: unknown): LedgerError {
  if (error instanceof LedgerError) return error;
  return new LedgerError('ledger.unavailable', 'The ledger could not be written; nothing was appended.', {
    cause: error,
  });
}

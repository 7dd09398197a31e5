import { v7 as uuidv7 } from 'uuid';
import {
  type AnyControlEntry,
  asControlEntry,
  type ControlState,
  emptyState,
  foldEntry,
} from '#shared/control';
import { entryVersion, type Ledger, type LedgerEntry, LedgerError } from '#shared/ledger';
import { type Clock, Mutex, utc } from '#shared/runtime';

/** What a step decided: entries to append, in their order, and what to tell the caller once they are durable. */
export interface Step<T> {
  readonly entries: readonly AnyControlEntry[];
  readonly result: T;
}

/**
 * The one writer of the control plane. Steps run one after another; each sees the state of all entries
 * before its own, and its result is given out only when its entries are durable and folded. That is what
 * "decided in ledger order" and "log first" mean here.
 */
export interface ControlPlane {
  readonly state: Readonly<ControlState>;
  /**
   * @param decide gets the state and the clock reading that its entries must carry.
   * @returns the step's result and the ledger index of each of its entries.
   * @throws LedgerError where the entries could not be made durable: then nothing has happened, or, where
   * its code is `ledger.in_doubt`, the next step sees whether it has.
   * @throws ControlError for an entry that the fold would not read: then nothing has happened.
   */
  transact<T>(
    decide: (state: ControlState, at: string) => Promise<Step<T>> | Step<T>,
  ): Promise<{ readonly result: T; readonly indexes: readonly number[] }>;
}

/** Folds the whole ledger, then takes steps. */
export async function openControlPlane(ledger: Ledger, clock: Clock): Promise<ControlPlane> {
  const state = emptyState();
  await catchUp(ledger, state);
  const mutex = new Mutex();
  return {
    state,
    transact: (decide) =>
      mutex.run(async () => {
        // An append of which the outcome stayed in doubt may have become durable after all.
        await ledger.refresh();
        await catchUp(ledger, state);
        const { entries, result } = await decide(state, utc(clock.now()));
        if (entries.length === 0) return { result, indexes: [] };
        const envelopes = entries.map((entry) => envelope(entry, clock.now()));
        // What could not be read back must never become durable: no start would get past it.
        for (const [i, entry] of envelopes.entries()) asControlEntry(state.size + i, entry);
        const appended = await ledger.append(envelopes);
        for (const written of envelopes) fold(state, written);
        return { result, indexes: appended.map(({ index }) => index) };
      }),
  };
}

function fold(state: ControlState, entry: LedgerEntry): void {
  foldEntry(state, asControlEntry(state.size, entry));
}

async function catchUp(ledger: Ledger, state: ControlState): Promise<void> {
  const { size } = ledger.checkpoint();
  if (size < state.size)
    throw new LedgerError('ledger.corrupt', 'The ledger is shorter than what was read of it.');
  if (size > state.size) for await (const { entry } of ledger.entries(state.size, size)) fold(state, entry);
}

function envelope(entry: AnyControlEntry, now: number): LedgerEntry {
  return {
    v: entryVersion,
    id: uuidv7({ msecs: now }),
    ...entry,
    details: { ...entry.details },
  } as LedgerEntry;
}

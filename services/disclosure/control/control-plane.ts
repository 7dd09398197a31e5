import { v7 as uuidv7 } from 'uuid';
import {
  type AnyControlEntry,
  asControlEntry,
  type ControlState,
  decideClock,
  emptyState,
  foldEntry,
  forkState,
  type PatternAlarm,
  type StepEntry,
  withAlarms,
} from '#shared/control';
import { entryVersion, type Ledger, type LedgerEntry, LedgerError } from '#shared/ledger';
import { type Clock, Mutex, utc } from '#shared/runtime';
import type { StateSnapshots } from './state-snapshots.ts';

/** What a step decided: entries to append, in their order, and what to tell the caller once they are durable. */
export interface Step<T> {
  readonly entries: readonly AnyControlEntry[];
  readonly result: T;
}

/** What a step's caller gets: its result, and the ledger index of each of its entries. */
interface Done<T> {
  readonly result: T;
  readonly indexes: readonly number[];
}

/** The state as it will be once the steps that are under way to the disk are durable. */
interface Branch {
  readonly state: ControlState;
  /** Its size when it was made. */
  readonly began: number;
  /** A step of it failed, so that it is no state that will be: what was decided on it is decided again. */
  isBroken: boolean;
}

/** Entries after which a branch is given up for a new one, so that it stays small. */
const maxAhead = 256;

/** How often a step is decided again because other replicas' entries came in between, or one before it failed. */
const maxTries = 100;

/** The clock reads earlier than what the ledger bears out: nothing is decided. */
export class ClockError extends Error {
  readonly code = 'clock.set_back';
  constructor() {
    super('the clock reads earlier than the ledger; set it right');
    this.name = 'ClockError';
  }
}

/**
 * The one writer of the control plane in its process. Steps are decided one after another; each sees the state
 * of all entries before its own, and its result is given out only when its entries are durable and folded. That
 * is what "decided in ledger order" and "log first" mean here. A step need not wait for the disk before the
 * next one is decided on what it will have done: they share a sync, and nobody else sees any of it before.
 *
 * Where the ledger has other replicas, a step whose entries were overtaken by theirs has come to nothing, and
 * is decided again on what is there then; so is one that was decided on a step whose entries did not become
 * durable. So `decide` may be called several times; what it puts into files on the way it puts into the same
 * ones each time.
 */
export interface ControlPlane {
  readonly state: Readonly<ControlState>;
  /**
   * @param decide gets the state and the time that its entries must carry: see `decideClock`.
   * @param options `underAnyClock`: for what is told, not decided; the time is then the clock's own.
   * @returns the step's result and the ledger index of each of its entries.
   * @throws LedgerError where the entries could not be made durable: then nothing has happened, or, where
   * its code is `ledger.in_doubt`, the next step sees whether it has.
   * @throws ClockError where the clock was set back: then nothing has happened.
   * @throws ControlError for an entry that the fold would not read: then nothing has happened.
   */
  transact<T>(
    decide: (state: ControlState, at: string) => Promise<Step<T>> | Step<T>,
    options?: { readonly underAnyClock: boolean },
  ): Promise<{ readonly result: T; readonly indexes: readonly number[] }>;
  /** Keeps the state for the next start, once the steps under way are done. */
  close(): Promise<void>;
}

/**
 * Folds the ledger, from a snapshot on where there is one to believe, then takes steps.
 * @param onAlarm told of each alarm on a pattern that a step of this process raised
 */
export async function openControlPlane(
  ledger: Ledger,
  clock: Clock,
  snapshots?: StateSnapshots,
  onAlarm?: (alarm: PatternAlarm, entryIndex: number) => void,
): Promise<ControlPlane> {
  const state = (await snapshots?.load(ledger)) ?? emptyState();
  await catchUp(ledger, state);
  snapshots?.folded(state, ledger.checkpoint());
  const mutex = new Mutex();
  let branch: Branch = { state, began: state.size, isBroken: false };
  /** Steps whose entries are on their way to the disk. */
  let underway = 0;
  /** When they have ended, in the order of the ledger. */
  let settled: Promise<unknown> = Promise.resolve();
  // Between steps, because a step that waits must not see the state change; the next one catches up anyway.
  ledger.watch(() => void mutex.run(() => settled.then(() => catchUp(ledger, state))).catch(() => {}));

  /** The state on which the next step is decided: all before it are in it, durable or not yet. */
  async function nextBranch(): Promise<Branch> {
    const isLong = branch.state.size - branch.began >= maxAhead;
    // Where others write, too, nobody knows what a step comes behind before its entries are in their place.
    if (ledger.isShared || branch.isBroken || isLong) await settled;
    if (underway > 0) return branch;
    // An append of which the outcome stayed in doubt may have become durable after all.
    await ledger.refresh();
    await catchUp(ledger, state);
    branch = { state: forkState(state), began: state.size, isBroken: false };
    return branch;
  }

  /**
   * Decides a step and starts its append, which shares a sync with those of others; in the mutex.
   * @returns what its caller waits for, outside of the mutex
   */
  async function begin<T>(
    decide: (state: ControlState, at: string) => Promise<Step<T>> | Step<T>,
    underAnyClock: boolean,
  ): Promise<{ readonly done: Promise<Done<T>> }> {
    const on = await nextBranch();
    const now = clock.now();
    const time = decideClock(on.state, utc(now));
    if (!time.ok && !underAnyClock) throw new ClockError();
    /** Once what it saw is durable, too. */
    const afterOthers = <R>(outcome: () => R): { readonly done: Promise<R> } => ({
      done: settled.then(() => {
        assertWhole(on);
        return outcome();
      }),
    });
    let step: Step<T>;
    try {
      step = await decide(on.state, time.ok ? time.at : utc(now));
    } catch (error) {
      return afterOthers(() => {
        throw error;
      });
    }
    assertWhole(on);
    const { entries, result } = step;
    if (entries.length === 0) return afterOthers(() => ({ result, indexes: [] }));
    // Durable with what they follow from, or not at all.
    const all = withAlarms(on.state, entries, time.ok ? time.at : on.state.latestAt);
    const envelopes = all.map(({ entry }) => envelope(entry, now));
    const after = on.state.size;
    try {
      // What could not be read back must never become durable: no start would get past it.
      for (const written of envelopes) fold(on.state, written);
    } catch (error) {
      on.isBroken = true;
      throw error;
    }
    underway++;
    const placing = settle(on, envelopes, ledger.append(envelopes, { after }));
    settled = placing.catch(() => {});
    return { done: placing.then((places) => told(all, places, result)) };
  }

  /** Folds entries into the state once they are durable, behind those of the steps before. */
  async function settle(
    on: Branch,
    envelopes: readonly LedgerEntry[],
    appending: ReturnType<Ledger['append']>,
  ): Promise<readonly number[]> {
    const [, appended] = await Promise.allSettled([settled, appending]);
    try {
      if (appended.status === 'rejected') throw appended.reason;
      // Between the state and these may lie entries that are void.
      await catchUp(ledger, state, appended.value[0]?.index);
      for (const written of envelopes) fold(state, written);
      snapshots?.folded(state, ledger.checkpoint());
      return appended.value.map(({ index }) => index);
    } catch (error) {
      on.isBroken = true;
      throw error;
    } finally {
      underway--;
    }
  }

  function told<T>(all: readonly StepEntry[], places: readonly number[], result: T): Done<T> {
    const placed = all.map((one, i) => ({ ...one, index: places[i] ?? state.size }));
    for (const { entry, index } of placed) {
      if (entry.kind === 'pattern.alarm') onAlarm?.(entry.details, index);
    }
    return { result, indexes: placed.filter(({ isAlarm }) => !isAlarm).map(({ index }) => index) };
  }

  return {
    state,
    transact: async (decide, { underAnyClock } = { underAnyClock: false }) => {
      for (let tries = 1; ; tries++) {
        try {
          const { done } = await mutex.run(() => begin(decide, underAnyClock));
          return await done;
        } catch (error) {
          const isOvertaken = error instanceof LedgerError && error.code === 'ledger.overtaken';
          if (!isOvertaken || tries === maxTries) throw error;
        }
      }
    },
    close: () =>
      mutex.run(async () => {
        await settled;
        await snapshots?.close(state, ledger.checkpoint());
      }),
  };
}

/** @throws LedgerError `ledger.overtaken` where what was decided on it came to nothing */
function assertWhole({ isBroken }: Branch): void {
  if (isBroken) throw new LedgerError('ledger.overtaken', 'A step before it came to nothing.');
}

function fold(state: ControlState, entry: LedgerEntry): void {
  foldEntry(state, asControlEntry(state.size, entry));
}

async function catchUp(ledger: Ledger, state: ControlState, to?: number): Promise<void> {
  const size = to ?? ledger.checkpoint().size;
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

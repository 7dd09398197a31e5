import { v7 as uuidv7 } from 'uuid';
import {
  type AnyControlEntry,
  asControlEntry,
  type ControlState,
  decideClock,
  emptyState,
  foldEntry,
  type PatternAlarm,
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

/** How often a step is decided again because other replicas' entries came in between. */
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
 * The one writer of the control plane in its process. Steps run one after another; each sees the state of
 * all entries before its own, and its result is given out only when its entries are durable and folded. That
 * is what "decided in ledger order" and "log first" mean here.
 *
 * Where the ledger has other replicas, a step whose entries were overtaken by theirs has come to nothing, and
 * is decided again on what is there then. So `decide` may be called several times; what it puts into files on
 * the way it puts into the same ones each time.
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
  // Between steps, because a step that waits must not see the state change; the next one catches up anyway.
  ledger.watch(() => void mutex.run(() => catchUp(ledger, state)).catch(() => {}));

  async function tryStep<T>(
    decide: (state: ControlState, at: string) => Promise<Step<T>> | Step<T>,
    underAnyClock: boolean,
  ): Promise<{ result: T; indexes: readonly number[] }> {
    // An append of which the outcome stayed in doubt may have become durable after all.
    await ledger.refresh();
    await catchUp(ledger, state);
    const now = clock.now();
    const time = decideClock(state, utc(now));
    if (!time.ok && !underAnyClock) throw new ClockError();
    const { entries, result } = await decide(state, time.ok ? time.at : utc(now));
    if (entries.length === 0) return { result, indexes: [] };
    // Durable with what they follow from, or not at all.
    const all = withAlarms(state, entries, time.ok ? time.at : state.latestAt);
    const envelopes = all.map(({ entry }) => envelope(entry, now));
    // What could not be read back must never become durable: no start would get past it.
    for (const [i, entry] of envelopes.entries()) asControlEntry(state.size + i, entry);
    const appended = await ledger.append(envelopes, { after: state.size });
    // Between the state and these may lie entries that are void.
    await catchUp(ledger, state, appended[0]?.index);
    for (const written of envelopes) fold(state, written);
    snapshots?.folded(state, ledger.checkpoint());
    const placed = all.map((one, i) => ({ ...one, index: appended[i]?.index ?? state.size }));
    for (const { entry, index } of placed) {
      if (entry.kind === 'pattern.alarm') onAlarm?.(entry.details, index);
    }
    return { result, indexes: placed.filter(({ isAlarm }) => !isAlarm).map(({ index }) => index) };
  }

  return {
    state,
    transact: (decide, { underAnyClock } = { underAnyClock: false }) =>
      mutex.run(async () => {
        for (let tries = 1; ; tries++) {
          try {
            return await tryStep(decide, underAnyClock);
          } catch (error) {
            const isOvertaken = error instanceof LedgerError && error.code === 'ledger.overtaken';
            if (!isOvertaken || tries === maxTries) throw error;
          }
        }
      }),
    close: () => mutex.run(async () => snapshots?.close(state, ledger.checkpoint())),
  };
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

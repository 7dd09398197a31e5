import { setTimeout as pause } from 'node:timers/promises';
import type { DisclosureState } from '#shared/control';
import type { Logger } from '#shared/runtime';
import { ClockError } from '../control/control-plane.ts';
import { nothingYet, type ReleaseProgress } from './progress.ts';
import { type ReleaseDeps, ReleaseRefused, ReleaseStopped, release } from './release.ts';

/** Tries of one release before it is recorded as failed. */
const maxAttempts = 5;
const firstDelayMs = 200;
const clockPauseMs = 1_000;
/** What a release gets to end by itself at a stop; supervisors wait longer (`stopMs` of the runner). */
const stopGraceMs = 5_000;
/** After so long a disclosure that nobody finished is taken up, whoever had it: its replica may be dead. */
const takeOverMs = 5 * 60_000;
/** A package that was announced longer ago and is not there was removed, or is lost. */
const lookBackMs = 86_400_000;

/** Makes the packages of allowed requests, one after another, in the background. */
export interface ReleaseQueue {
  add(disclosureId: string): void;
  /** Gives up a release, under way or waiting, whose cancellation is in the ledger. */
  cancel(disclosureId: string): void;
  /** How far the package is that is being made; null where it is another one, or none. */
  progress(disclosureId: string): ReleaseProgress | null;
  /** Takes up what a stop or a crash left undone. */
  resume(): Promise<void>;
  /** Takes up what nobody finished for some minutes; to be called from time to time. */
  takeOver(): Promise<void>;
  /**
   * Ends with the release that is under way; one that takes too long is given up, which is recorded. The
   * next start takes up both it and the others.
   */
  close(): Promise<void>;
}

interface Running {
  readonly disclosureId: string;
  readonly stop: AbortController;
  progress: ReleaseProgress;
}

export function createReleaseQueue(deps: ReleaseDeps, logger: Logger): ReleaseQueue {
  const waiting: string[] = [];
  let draining: Promise<void> | null = null;
  let running: Running | null = null;
  let closed = false;

  async function drain(): Promise<void> {
    for (let id = waiting.shift(); id !== undefined && !closed; id = waiting.shift()) {
      running = { disclosureId: id, stop: new AbortController(), progress: nothingYet };
      await work(running);
    }
    running = null;
    draining = null;
  }

  async function work(job: Running): Promise<void> {
    const { disclosureId, stop } = job;
    const tell = (progress: ReleaseProgress): void => {
      job.progress = progress;
    };
    for (let attempt = 1; !closed; attempt++) {
      try {
        job.progress = nothingYet;
        await release(deps, disclosureId, { signal: stop.signal, tell });
        logger.info({ disclosureId, attempt }, 'package sealed');
        return;
      } catch (error) {
        if (error instanceof ReleaseStopped) {
          logger.info({ disclosureId, code: error.code }, 'release given up');
          return end(disclosureId, 'disclosure.interrupted', error.code);
        }
        const code = codeOf(error);
        logger.error({ disclosureId, attempt, code }, 'release failed');
        if (error instanceof ClockError) {
          // Nothing is decided until the clock is right, so that this is no attempt.
          attempt--;
          await pause(clockPauseMs);
          continue;
        }
        if (error instanceof ReleaseRefused || attempt >= maxAttempts)
          return end(disclosureId, 'disclosure.failed', code.toLowerCase());
        await pause(firstDelayMs * 2 ** attempt);
      }
    }
  }

  /** Records that an attempt came to nothing, and throws away what it made. */
  async function end(
    disclosureId: string,
    kind: 'disclosure.failed' | 'disclosure.interrupted',
    code: string,
  ): Promise<void> {
    try {
      await deps.control.transact((state, at) => {
        const disclosure = state.disclosures.get(disclosureId);
        // A package that was announced is never taken back: the next start seals it. A cancellation is
        // in the ledger already.
        if (disclosure?.status !== 'AwaitingDisclosure') return { entries: [], result: undefined };
        const details = { orderId: disclosure.orderId, code };
        const by = { at, actor: { service: 'disclosure' }, subject: disclosureId };
        return { entries: [{ ...by, kind, details }], result: undefined };
      });
      if (deps.control.state.disclosures.get(disclosureId)?.released) return;
      await deps.packages.discard(disclosureId);
    } catch (error) {
      // The state stays AwaitingDisclosure, and the next start tries again; it also tidies.
      logger.error({ disclosureId, code: codeOf(error) }, 'the end of an attempt was not recorded');
    }
  }

  const add = (disclosureId: string): void => {
    if (closed || running?.disclosureId === disclosureId || waiting.includes(disclosureId)) return;
    waiting.push(disclosureId);
    draining ??= drain();
  };

  /** Whether there is something to do: the package to be made, or one that was announced to be sealed. */
  async function isUndone({ disclosureId, status, released }: DisclosureState): Promise<boolean> {
    if (released === undefined) return status === 'AwaitingDisclosure';
    return deps.packages.isStaged(disclosureId);
  }

  return {
    add,
    cancel: (disclosureId) => {
      const place = waiting.indexOf(disclosureId);
      if (place !== -1) waiting.splice(place, 1);
      if (running?.disclosureId === disclosureId) {
        running.stop.abort(new ReleaseStopped('disclosure.cancelled'));
      }
    },
    progress: (disclosureId) => (running?.disclosureId === disclosureId ? running.progress : null),
    resume: async () => {
      const { disclosures } = deps.control.state;
      for (const id of await deps.packages.staged()) {
        if (disclosures.get(id)?.released === undefined) await deps.packages.discard(id);
      }
      for (const disclosure of disclosures.values()) {
        if (await isUndone(disclosure)) add(disclosure.disclosureId);
      }
    },
    takeOver: async () => {
      const now = deps.clock.now();
      for (const disclosure of [...deps.control.state.disclosures.values()]) {
        const age = now - Date.parse(disclosure.released?.at ?? disclosure.requestedAt);
        if (age < takeOverMs || (disclosure.released !== undefined && age > lookBackMs)) continue;
        if (await isUndone(disclosure)) add(disclosure.disclosureId);
      }
    },
    close: async () => {
      closed = true;
      const timer = setTimeout(() => {
        running?.stop.abort(new ReleaseStopped('service.stopping'));
      }, stopGraceMs);
      await draining;
      clearTimeout(timer);
    },
  };
}

/** Code of a fault: a stable name of ours, of a library or of the system; never a message. */
function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return /^([a-z][a-z0-9_.]*|[A-Z][A-Z0-9_]*)$/.test(code) ? code.slice(0, 64) : 'service.internal';
}

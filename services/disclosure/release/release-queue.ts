import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from '#shared/runtime';
import { ClockError } from '../control/control-plane.ts';
import { type ReleaseDeps, ReleaseRefused, release } from './release.ts';

/** Tries of one release before it is recorded as failed. */
const maxAttempts = 5;
const firstDelayMs = 200;
const clockPauseMs = 1_000;

/** Makes the packages of allowed requests, one after another, in the background. */
export interface ReleaseQueue {
  add(disclosureId: string): void;
  /** Takes up what a stop or a crash left undone. */
  resume(): Promise<void>;
  /** Ends after the release that is under way; the next start takes up the others. */
  close(): Promise<void>;
}

export function createReleaseQueue(deps: ReleaseDeps, logger: Logger): ReleaseQueue {
  const waiting: string[] = [];
  let running: Promise<void> | null = null;
  let closed = false;

  async function drain(): Promise<void> {
    for (let id = waiting.shift(); id !== undefined && !closed; id = waiting.shift()) await work(id);
    running = null;
  }

  async function work(disclosureId: string): Promise<void> {
    for (let attempt = 1; !closed; attempt++) {
      try {
        await release(deps, disclosureId);
        logger.info({ disclosureId, attempt }, 'package sealed');
        return;
      } catch (error) {
        const code = codeOf(error);
        logger.error({ disclosureId, attempt, code }, 'release failed');
        if (error instanceof ClockError) {
          // Nothing is decided until the clock is right, so that this is no attempt.
          attempt--;
          await pause(clockPauseMs);
          continue;
        }
        if (error instanceof ReleaseRefused || attempt >= maxAttempts)
          return recordFailure(disclosureId, code);
        await pause(firstDelayMs * 2 ** attempt);
      }
    }
  }

  async function recordFailure(disclosureId: string, code: string): Promise<void> {
    try {
      await deps.control.transact((state, at) => {
        const disclosure = state.disclosures.get(disclosureId);
        // A package that was announced is never taken back: the next start seals it.
        if (!disclosure || disclosure.released) return { entries: [], result: undefined };
        const details = { orderId: disclosure.orderId, code: code.toLowerCase() };
        const by = { at, actor: { service: 'disclosure' }, subject: disclosureId };
        return { entries: [{ ...by, kind: 'disclosure.failed', details }], result: undefined };
      });
      if (deps.control.state.disclosures.get(disclosureId)?.released) return;
      await deps.packages.discard(disclosureId);
    } catch (error) {
      // The state stays AwaitingDisclosure, and the next start tries again; it also tidies.
      logger.error({ disclosureId, code: codeOf(error) }, 'failure not recorded');
    }
  }

  const add = (disclosureId: string): void => {
    waiting.push(disclosureId);
    running ??= drain();
  };

  return {
    add,
    resume: async () => {
      const { disclosures } = deps.control.state;
      for (const id of await deps.packages.staged()) {
        if (disclosures.get(id)?.released === undefined) await deps.packages.discard(id);
      }
      for (const { disclosureId, status, released } of disclosures.values()) {
        const unsealed = released !== undefined && (await deps.packages.isStaged(disclosureId));
        if (status === 'AwaitingDisclosure' || unsealed) add(disclosureId);
      }
    },
    close: async () => {
      closed = true;
      await running;
    },
  };
}

/** Code of a fault: a stable name of ours, of a library or of the system; never a message. */
function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return /^([a-z][a-z0-9_.]*|[A-Z][A-Z0-9_]*)$/.test(code) ? code.slice(0, 64) : 'service.internal';
}

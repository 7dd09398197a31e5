import type { DisclosureState } from '#shared/control';
import type { Logger } from '#shared/runtime';
import { type ReleaseDeps, ReleaseRefused, release } from './release.ts';

/** Tries of one release before it is recorded as failed. */
const maxAttempts = 5;
const firstDelayMs = 200;

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
      const disclosure = deps.control.state.disclosures.get(disclosureId);
      if (!disclosure) return;
      try {
        await release(deps, disclosure);
        logger.info({ disclosureId, attempt }, 'package sealed');
        return;
      } catch (error) {
        const code = codeOf(error);
        logger.error({ disclosureId, attempt, code }, 'release failed');
        if (error instanceof ReleaseRefused || attempt >= maxAttempts) return recordFailure(disclosure, code);
        await new Promise((resolve) => setTimeout(resolve, firstDelayMs * 2 ** attempt));
      }
    }
  }

  async function recordFailure(disclosure: DisclosureState, code: string): Promise<void> {
    // A package that was announced is never taken back: the next start seals it.
    if (deps.control.state.disclosures.get(disclosure.disclosureId)?.released) return;
    try {
      await deps.control.transact((_state, at) => ({
        entries: [
          {
            kind: 'disclosure.failed',
            at,
            actor: { service: 'disclosure' },
            subject: disclosure.disclosureId,
            details: { orderId: disclosure.orderId, code: code.toLowerCase() },
          },
        ],
        result: undefined,
      }));
    } catch (error) {
      // The state stays AwaitingDisclosure, and the next start tries again.
      logger.error({ disclosureId: disclosure.disclosureId, code: codeOf(error) }, 'failure not recorded');
    }
    await deps.packages.discard(disclosure.disclosureId);
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

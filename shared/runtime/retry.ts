import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf } from './error-code.ts';
import type { Condition } from './health.ts';
import type { Logger } from './logging.ts';

const firstDelayMs = 200;
const longestDelayMs = 15_000;

export interface WaitOptions {
  /** Who is waited for, as the log names it: `store`, `bus`. */
  readonly peer: string;
  /** Told how it stands. */
  readonly condition: Condition;
  /** Ends the waiting; the call then rejects with the signal's reason. */
  readonly stopping: AbortSignal;
  readonly logger: Logger;
  /** Codes of faults that waiting does not mend: they are thrown. */
  readonly finalCodes: readonly string[];
}

/**
 * Tries until it succeeds, with growing pauses and jitter: a process whose peer is away waits and says so,
 * because one that ends and is started again says the same with more noise.
 */
export async function untilReady<T>(attempt: () => Promise<T>, options: WaitOptions): Promise<T> {
  const { peer, condition, stopping, logger, finalCodes } = options;
  for (let tries = 1; ; tries++) {
    stopping.throwIfAborted();
    try {
      const result = await attempt();
      condition.pass();
      return result;
    } catch (error) {
      const code = codeOf(error);
      condition.fail(code);
      if (finalCodes.includes(code)) throw error;
      const delayMs = Math.round(pauseMs(tries));
      logger.warn({ source: peer, code, attempt: tries, delayMs }, 'cannot start yet; waiting');
      await sleep(delayMs, undefined, { signal: stopping }).catch(() => {});
    }
  }
}

const pauseMs = (tries: number): number =>
  Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(tries - 1, 16)) * (0.5 + Math.random() / 2);

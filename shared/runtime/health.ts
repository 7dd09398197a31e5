import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf } from './error-code.ts';

/** `code` is a stable name; nothing personal is in it. */
export type CheckResult = { readonly ok: true } | { readonly ok: false; readonly code: string };

/** What a service needs in order to do its work, by name. */
export interface Health {
  /** Adds a check, or replaces it. */
  add(name: string, check: () => CheckResult): void;
  results(): Readonly<Record<string, CheckResult>>;
}

export function createHealth(): Health {
  const checks = new Map<string, () => CheckResult>();
  return {
    add: (name, check) => void checks.set(name, check),
    results: () => Object.fromEntries([...checks].map(([name, check]) => [name, check()])),
  };
}

/** A check whose result is told to it. Not well until it is. */
export class Condition {
  #result: CheckResult = { ok: false, code: 'starting' };

  readonly check = (): CheckResult => this.#result;

  pass(): void {
    this.#result = { ok: true };
  }

  /** @param error its code is told, see `codeOf` */
  fail(error: unknown): void {
    this.#result = { ok: false, code: typeof error === 'string' ? error : codeOf(error) };
  }
}

/**
 * Asks a peer again and again, and keeps its last answer, so that a health page is answered at once however
 * long the peer takes. Ends with the signal.
 */
export async function keepAsking(
  condition: Condition,
  ask: () => Promise<void>,
  { everyMs, signal }: { readonly everyMs: number; readonly signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    await sleep(everyMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    try {
      await ask();
      condition.pass();
    } catch (error) {
      condition.fail(error);
    }
  }
}

import { z } from 'zod';
import { flatten } from '../syslog/index.ts';
import type { StateWriter } from './state-writer.ts';

/*
 * Logouts whose login has not been logged yet. A session's process and the login process write to the log
 * each on its own, so that the logout of a short session can stand before its login (seen about once in
 * five hundred sessions). Such a logout waits for its login, by the log's clock; then it is told as it is.
 */

/** Far longer than two processes of one host differ; short for a reader who waits. */
const maxWaitMs = 5_000;
const maxHeld = 10_000;

const heldSchema = z.strictObject({
  /** Order of arrival. */
  n: z.number(),
  timeMs: z.number(),
  timeNote: z.enum(['year', 'ambiguous']).optional(),
  host: z.string(),
  service: z.enum(['imap', 'pop3', 'managesieve', 'submission']),
  session: z.string(),
  user: z.string().optional(),
  from: z.strictObject({
    ip: z.string().optional(),
    port: z.number().optional(),
    proxyIp: z.string().optional(),
    tls: z.boolean().optional(),
  }),
  received: z.number().optional(),
  sent: z.number().optional(),
  retrieved: z.boolean(),
});
type Stored = z.infer<typeof heldSchema>;

/** Exact optionals, as everywhere inside: a member is absent, never `undefined`. */
type Exact<T> = { [K in keyof T]: T[K] extends object ? Exact<T[K]> : Exclude<T[K], undefined> };
export type HeldLogout = Exact<Omit<Stored, 'n'>>;

export const heldPrefix = 'o|';

export class HeldLogouts {
  /** In the order of arrival. */
  readonly #held = new Map<string, { n: number; timeMs: number; text: string }>();
  readonly #writer: StateWriter;
  #next = 0;

  constructor(state: Iterable<readonly [string, string]>, writer: StateWriter) {
    this.#writer = writer;
    const restored = [...state].map(([key, text]) => ({ key, text, ...heldSchema.parse(JSON.parse(text)) }));
    restored.sort((a, b) => a.n - b.n);
    for (const { key, n, timeMs, text } of restored) this.#held.set(key, { n, timeMs, text });
    this.#next = (restored.at(-1)?.n ?? -1) + 1;
  }

  /** @returns what has to be told now because of it: nothing, unless very many wait. */
  hold(logout: HeldLogout): readonly HeldLogout[] {
    const key = flatten(keyOf(logout.host, logout.session));
    const n = this.#next++;
    const stored: Stored = { n, ...logout };
    const text = JSON.stringify(stored);
    const replaced = this.#takeKey(key);
    this.#held.set(key, { n, timeMs: logout.timeMs, text });
    this.#writer.set(key, text);
    const oldest = this.#held.size > maxHeld ? this.#held.keys().next().value : undefined;
    const pushedOut = oldest === undefined ? undefined : this.#takeKey(oldest);
    return [replaced, pushedOut].filter((each) => each !== undefined);
  }

  /** The session's logout, if it waits. */
  take(host: string, session: string): HeldLogout | undefined {
    return this.#takeKey(keyOf(host, session));
  }

  /** Logouts that have waited long enough. */
  due(nowMs: number): readonly HeldLogout[] {
    const due: HeldLogout[] = [];
    for (const [key, { timeMs }] of this.#held) {
      if (timeMs >= nowMs - maxWaitMs) break;
      const logout = this.#takeKey(key);
      if (logout !== undefined) due.push(logout);
    }
    return due;
  }

  #takeKey(key: string): HeldLogout | undefined {
    const stored = this.#held.get(key);
    if (stored === undefined) return undefined;
    this.#held.delete(key);
    this.#writer.set(flatten(key), null);
    const { n: _, ...logout } = JSON.parse(stored.text) as { n: number } & HeldLogout;
    return logout;
  }
}

const keyOf = (host: string, session: string): string => `${heldPrefix}${host}|${session}`;

import { z } from 'zod';
import { flatten } from '../syslog/index.ts';
import type { StateWriter } from './state-writer.ts';

/*
 * What the correlator remembers between lines: open sessions, and which mail server speaks to which LMTP
 * process. Bounded in number and in age, both by the log alone, so that a correlator restarted from its
 * state forgets the same records at the same line.
 */

/** A refusal by a user database in a session that has not logged in yet. */
const attemptSchema = z.strictObject({ t: z.number(), u: z.string().optional(), i: z.string().optional() });

/** Short names, because a busy server has a hundred thousand of them in every checkpoint. */
const recordSchema = z.strictObject({
  /** Order of opening. */
  n: z.number(),
  /** Time of opening, milliseconds, by the log. */
  t: z.number(),
  /** Service; absent until the login. */
  s: z.enum(['imap', 'pop3', 'managesieve', 'submission']).optional(),
  /** User. */
  u: z.string().optional(),
  /** Client's address, port, its proxy's address, TLS. */
  i: z.string().optional(),
  p: z.number().optional(),
  x: z.string().optional(),
  l: z.boolean().optional(),
  /** A message body was read. */
  r: z.literal(true).optional(),
  /** Attempts before the login. */
  a: z.array(attemptSchema).optional(),
});
export type OpenRecord = z.infer<typeof recordSchema>;
export type Attempt = z.infer<typeof attemptSchema>;
type Contents = Omit<OpenRecord, 'n' | 't'>;

interface Stored {
  readonly n: number;
  readonly t: number;
  readonly text: string;
}

/** Hosts of one source whose text lines are remembered; a log collector serves fewer. */
const maxTextHosts = 10_000;
const hostKey = (host: string): string => `h|${host}`;

export class OpenRecords {
  /** In the order of opening. Values stay JSON texts: compact, and independent of the line they came from. */
  readonly #open = new Map<string, Stored>();
  readonly #textHosts = new Set<string>();
  readonly #maxOpen: number;
  readonly #maxAgeMs: number;
  readonly #writer: StateWriter;
  #next = 0;

  constructor(
    state: Iterable<readonly [string, string]>,
    writer: StateWriter,
    maxOpen: number,
    maxAgeMs: number,
  ) {
    this.#writer = writer;
    this.#maxOpen = maxOpen;
    this.#maxAgeMs = maxAgeMs;
    const restored: [string, Stored][] = [];
    for (const [key, text] of state) {
      if (key.startsWith('h|')) this.#textHosts.add(key.slice(2));
      else {
        const { n, t } = recordSchema.parse(JSON.parse(text));
        restored.push([key, { n, t, text }]);
      }
    }
    restored.sort(([, a], [, b]) => a.n - b.n);
    for (const [key, stored] of restored) this.#open.set(key, stored);
    this.#next = (restored.at(-1)?.[1].n ?? -1) + 1;
  }

  get size(): number {
    return this.#open.size;
  }

  get(key: string): OpenRecord | undefined {
    const stored = this.#open.get(key);
    return stored === undefined ? undefined : (JSON.parse(stored.text) as OpenRecord);
  }

  /** Opens a record, or changes one that is open: it keeps its place and its age. */
  put(key: string, timeMs: number, contents: Contents): void {
    const before = this.#open.get(key);
    const n = before?.n ?? this.#next++;
    const t = before?.t ?? timeMs;
    const record: OpenRecord = { n, t, ...contents };
    const ownKey = before === undefined ? flatten(key) : key;
    this.#store(ownKey, { n, t, text: JSON.stringify(record) });
    if (this.#open.size > this.#maxOpen) this.#dropOldest();
  }

  delete(key: string): void {
    if (!this.#open.delete(key)) return;
    this.#writer.set(flatten(key), null);
  }

  /** Forgets what was opened longer ago than a session may last: its end was lost. */
  expire(nowMs: number): void {
    for (const stored of this.#open.values()) {
      if (stored.t >= nowMs - this.#maxAgeMs) return;
      this.#dropOldest();
    }
  }

  hasTextLines(host: string): boolean {
    return this.#textHosts.has(host);
  }

  noteTextLines(host: string): void {
    if (this.#textHosts.has(host) || this.#textHosts.size >= maxTextHosts) return;
    const own = flatten(host);
    this.#textHosts.add(own);
    this.#writer.set(hostKey(own), '1');
  }

  #store(key: string, stored: Stored): void {
    this.#open.set(key, stored);
    this.#writer.set(key, stored.text);
  }

  #dropOldest(): void {
    const oldest = this.#open.keys().next();
    if (oldest.done !== true) this.delete(oldest.value);
  }
}

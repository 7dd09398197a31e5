import { appendFile, rename, rm, writeFile } from 'node:fs/promises';

/** What the writer's n-th message must be found as. */
export interface ExpectedMessage {
  readonly queueId: string;
  /** Addresses it was delivered to, one event each, beside the one of its acceptance. */
  readonly recipients: readonly string[];
}

const digits = 9;
const linesAtOnce = 500;

/** The n-th message: one to four recipients. */
export function messageOf(n: number): ExpectedMessage {
  const recipients = Array.from({ length: 1 + (n % 4) }, (_, r) => `r${n}.${r}@fault.example`);
  return { queueId: `4Wx${String(n).padStart(digits, '0')}z`, recipients };
}

/** The n of a queue id that `messageOf` made. */
export const numberOf = (queueId: string): number => Number(queueId.slice(3, 3 + digits));

/** 1 to `count`. */
export const firstMessages = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

/** How many events these messages give. */
export function eventsOf(messages: readonly number[]): number {
  return messages.reduce((events, n) => events + 1 + messageOf(n).recipients.length, 0);
}

/** The lines that Postfix writes of the n-th message. */
export function linesOf(n: number): string[] {
  const { queueId, recipients } = messageOf(n);
  const time = new Date(Date.UTC(2026, 10, 22, 8) + n * 10).toISOString().replace('Z', '000+00:00');
  const at = (program: string, rest: string) =>
    `${time} mx1 postfix/${program}[1${n % 90}]: ${queueId}: ${rest}`;
  return [
    at('smtpd', `client=client.example.net[192.0.2.7], sasl_method=PLAIN, sasl_username=u${n}`),
    at('cleanup', `message-id=<${n}@fault.example>`),
    at('qmgr', `from=<u${n}@example.org>, size=500, nrcpt=${recipients.length} (queue active)`),
    ...recipients.map((to) =>
      at(
        'smtp',
        `to=<${to}>, relay=mx.example.com[198.51.100.3]:25, delay=0.1, delays=0/0/0/0.1, dsn=2.0.0, status=sent (250 2.0.0 Ok)`,
      ),
    ),
    at('qmgr', 'removed'),
  ];
}

/** A Postfix log that grows: whole messages, interleaved, some lines written in pieces; rotated by rename. */
export class FaultLog {
  /** Messages begun. */
  begun = 0;
  readonly path: string;
  readonly #keptRotations: number;
  #rotations = 0;
  #open: string[][] = [];

  constructor(path: string, keptRotations: number) {
    this.path = path;
    this.#keptRotations = keptRotations;
  }

  async create(): Promise<void> {
    await writeFile(this.path, '');
  }

  /** Begins so many messages, and writes the next line of each that is open. */
  async write(count: number): Promise<void> {
    for (let i = 0; i < count; i++) this.#open.push(linesOf(++this.begun));
    await this.#step();
  }

  /** Writes what is left of every message. */
  async finish(): Promise<void> {
    while (this.#open.length > 0) await this.#step();
  }

  /** As logrotate without `copytruncate` does; the oldest goes. */
  async rotate(): Promise<void> {
    for (let number = Math.min(this.#rotations, this.#keptRotations); number >= 1; number--) {
      await rename(`${this.path}.${number}`, `${this.path}.${number + 1}`);
    }
    await rename(this.path, `${this.path}.1`);
    await writeFile(this.path, '');
    this.#rotations += 1;
    await rm(`${this.path}.${this.#keptRotations + 1}`, { force: true });
  }

  async #step(): Promise<void> {
    const lines = this.#open.flatMap((message) => message.shift() ?? []);
    this.#open = this.#open.filter((message) => message.length > 0);
    for (let start = 0; start < lines.length; start += linesAtOnce) {
      const text = `${lines.slice(start, start + linesAtOnce).join('\n')}\n`;
      // The reader may see half a line.
      const cut = Math.floor(text.length / 3);
      await appendFile(this.path, text.slice(0, cut));
      await appendFile(this.path, text.slice(cut));
    }
  }
}

/** TLS of a process's present connection: to or from whom, and for which message it was used. */
export interface Connection {
  /** The other side as Postfix prints it. */
  readonly peer: string;
  /** Outgoing: the first message that was delivered over it; empty before. */
  queueId: string;
}

interface Held extends Connection {
  readonly born: number;
}

/**
 * Encrypted connections by host and process id, as far as a delivery or a client's message has to be told
 * that it came over one. The process id is all that links the two lines. Bounded: processes end without
 * saying so, and the oldest entry makes room.
 */
export class ConnectionStore {
  /** In order of beginning. */
  readonly #held = new Map<string, Held>();
  readonly #changed = new Set<string>();
  readonly #maxOpen: number;
  #nextBorn = 1;

  constructor(maxOpen: number) {
    this.#maxOpen = maxOpen;
  }

  /** @throws SyntaxError where a text is not of `takeChanges`. */
  restore(entries: readonly (readonly [key: string, text: string])[]): void {
    const held = entries.map(([key, text]) => {
      const fields: unknown = JSON.parse(text);
      if (!Array.isArray(fields)) throw new SyntaxError('the checkpoint holds a broken connection');
      const [born, peer, queueId] = fields.map(String);
      return { key, born: Number(born), peer: peer ?? '', queueId: queueId ?? '' };
    });
    held.sort((a, b) => a.born - b.born);
    for (const { key, ...connection } of held) this.#held.set(key, connection);
    this.#nextBorn = (held.at(-1)?.born ?? 0) + 1;
  }

  find(key: string): Connection | undefined {
    return this.#held.size === 0 ? undefined : this.#held.get(key);
  }

  begin(key: string, peer: string): void {
    this.end(key);
    if (this.#held.size >= this.#maxOpen) {
      const [oldest] = this.#held.keys();
      if (oldest !== undefined) this.end(oldest);
    }
    this.#held.set(key, { born: this.#nextBorn++, peer, queueId: '' });
    this.#changed.add(key);
  }

  /** The connection was used for this message. */
  bind(key: string, connection: Connection, queueId: string): void {
    connection.queueId = queueId;
    this.#changed.add(key);
  }

  end(key: string): void {
    if (this.#held.delete(key)) this.#changed.add(key);
  }

  /** Adds what changed since the last call. */
  takeChanges(into: Map<string, string | null>): void {
    for (const key of this.#changed) {
      const held = this.#held.get(key);
      into.set(key, held === undefined ? null : JSON.stringify([held.born, held.peer, held.queueId]));
    }
    this.#changed.clear();
  }
}

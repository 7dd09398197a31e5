import type { Change } from '../checkpoint/index.ts';

/*
 * The lines that came last, to leave out those that come again. A line is known by 64 bits of its digest: among
 * a million, one line in 2^44 would be taken for another.
 *
 * Lines are remembered in pages. When the last page is full, the oldest one is forgotten as a whole, so that
 * the tables need no deletion. In the checkpoint a page is a row of short texts; the last of them grows.
 */

/** Lines of a page; its table has twice as many slots. */
const defaultPageLines = 1 << 17;
/** Seven full pages and a growing one: at least 900,000 lines, in 16 MB. */
const pages = 8;
/** Digests of one text. */
const textDigests = 256;
const digestBytes = 8;

interface Page {
  readonly number: number;
  /** Open addressing, two words to a digest; zeros are empty. */
  readonly slots: Uint32Array;
  count: number;
}

export class Repetitions {
  readonly #pageLines: number;
  readonly #pages: Page[] = [];
  /** Digests of the last text, as the checkpoint holds them. */
  readonly #tail = Buffer.alloc(textDigests * digestBytes);
  #tailChanged = false;
  #changes = new Map<string, string | null>();

  /**
   * @param state what `takeChanges` gave, folded.
   * @param pageLines a power of two, from 256.
   * @throws SyntaxError where the state is not its own.
   */
  constructor(state: Iterable<readonly [key: string, text: string]>, pageLines = defaultPageLines) {
    this.#pageLines = pageLines;
    const texts = [...state].map(([key, text]) => {
      const [page, index] = key.split('.').map(Number);
      return { page: page ?? Number.NaN, index: index ?? Number.NaN, bytes: Buffer.from(text, 'base64') };
    });
    texts.sort((a, b) => a.page - b.page || a.index - b.index);
    for (const { page, index, bytes } of texts) {
      const wrong = !(page >= 0 && index >= 0) || bytes.length % digestBytes !== 0;
      if (wrong) throw new SyntaxError('the checkpoint holds broken digests of lines');
      if (this.#pages.at(-1)?.number !== page) this.#pages.push(this.#newPage(page));
      for (let at = 0; at < bytes.length; at += digestBytes) {
        this.#insert(bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4));
      }
    }
    this.#changes = new Map();
    this.#tailChanged = false;
  }

  /**
   * Remembers the line.
   * @param identity hexadecimal digits, sixteen at least.
   * @returns whether it is among those remembered already.
   */
  isRepeated(identity: string): boolean {
    const high = Number.parseInt(identity.slice(0, 8), 16);
    // Zeros are an empty slot's; no digest is both.
    const low = Number.parseInt(identity.slice(8, 16), 16) || 1;
    if (this.#pages.some((page) => this.#slotOf(page, high, low) === -1)) return true;
    const last = this.#pages.at(-1);
    if (last === undefined || last.count === this.#pageLines) this.#turnPage((last?.number ?? -1) + 1);
    this.#insert(high, low);
    return false;
  }

  /** Texts that changed since the last call; `null` deletes. */
  takeChanges(): Iterable<Change> {
    this.#keepTail();
    const changes = this.#changes;
    this.#changes = new Map();
    return changes;
  }

  #newPage(number: number): Page {
    return { number, slots: new Uint32Array(4 * this.#pageLines), count: 0 };
  }

  #turnPage(number: number): void {
    this.#pages.push(this.#newPage(number));
    if (this.#pages.length <= pages) return;
    const oldest = this.#pages.shift();
    for (let index = 0; index * textDigests < (oldest?.count ?? 0); index++) {
      this.#changes.set(`${oldest?.number}.${index}`, null);
    }
  }

  #insert(high: number, low: number): void {
    const page = this.#pages.at(-1);
    if (page === undefined) return;
    const slot = this.#slotOf(page, high, low);
    if (slot === -1) return;
    page.slots[slot] = high;
    page.slots[slot + 1] = low;
    const at = (page.count % textDigests) * digestBytes;
    this.#tail.writeUInt32BE(high, at);
    this.#tail.writeUInt32BE(low, at + 4);
    this.#tailChanged = true;
    page.count++;
    if (page.count % textDigests === 0) this.#keepTail();
  }

  #keepTail(): void {
    const page = this.#pages.at(-1);
    if (page === undefined || !this.#tailChanged) return;
    this.#tailChanged = false;
    const index = Math.floor((page.count - 1) / textDigests);
    const used = page.count - index * textDigests;
    this.#changes.set(`${page.number}.${index}`, this.#tail.toString('base64', 0, used * digestBytes));
  }

  /** Where the digest goes; -1 where it is there already. */
  #slotOf({ slots }: Page, high: number, low: number): number {
    const mask = slots.length / 2 - 1;
    for (let at = (high ^ low) & mask; ; at = (at + 1) & mask) {
      const [h, l] = [slots[2 * at], slots[2 * at + 1]];
      if (h === 0 && l === 0) return 2 * at;
      if (h === high && l === low) return -1;
    }
  }
}

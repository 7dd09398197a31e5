/*
 * DER (ITU-T X.690, the distinguished rules) as far as time stamps, certificates and revocation lists need it: low tags, definite lengths in
 * their shortest form. What is BER and not DER is refused.
 */

/** One element: what it is, its contents, and all of its bytes. */
export interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
  readonly bytes: Uint8Array;
}

export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Context-specific and constructed: `[n]`. */
export const context = (n: number): number => 0xa0 + n;

/** Bytes that are no DER, or not what they should be. */
export class DerError extends Error {
  override readonly name = 'DerError';
  readonly code = 'der.malformed';
  constructor() {
    super('these bytes are not the DER that they should be');
  }
}

/** Longest element where nothing else is said: a time stamp with its certificates is a tenth of this. */
const usualBytes = 1 << 20;

/** Reads the elements of some contents one after the other. */
export class Reader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  /** @param maxBytes at most 16 MiB, which is as far as lengths are read */
  constructor(bytes: Uint8Array, maxBytes: number = usualBytes) {
    if (bytes.length > maxBytes) throw new DerError();
    this.#bytes = bytes;
  }

  /** Tag of the next element, or null at the end. */
  peek(): number | null {
    return this.#bytes[this.#offset] ?? null;
  }

  /** The next element. @param tag that it must have; any where absent */
  next(tag?: number): Element {
    const start = this.#offset;
    const found = this.#byte();
    if ((tag !== undefined && found !== tag) || (found & 0x1f) === 0x1f) throw new DerError();
    const length = this.#length();
    const begin = this.#offset;
    this.#offset += length;
    if (this.#offset > this.#bytes.length) throw new DerError();
    return {
      tag: found,
      content: this.#bytes.subarray(begin, this.#offset),
      bytes: this.#bytes.subarray(start, this.#offset),
    };
  }

  /** The next element where it has this tag, else nothing. */
  optional(tag: number): Element | undefined {
    return this.peek() === tag ? this.next(tag) : undefined;
  }

  /** A reader of the next element's contents. */
  enter(tag: number): Reader {
    const { content } = this.next(tag);
    // No longer than what it is in, which was within its bound.
    return new Reader(content, content.length);
  }

  /** All that is left, each of this tag. */
  all(tag?: number): Element[] {
    const elements: Element[] = [];
    while (this.peek() !== null) elements.push(this.next(tag));
    return elements;
  }

  end(): void {
    if (this.peek() !== null) throw new DerError();
  }

  #byte(): number {
    const byte = this.#bytes[this.#offset++];
    if (byte === undefined) throw new DerError();
    return byte;
  }

  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count < 1 || count > 3) throw new DerError();
    let length = 0;
    for (let i = 0; i < count; i++) {
      const byte = this.#byte();
      if (i === 0 && byte === 0) throw new DerError();
      length = length * 256 + byte;
    }
    if (length < 0x80) throw new DerError();
    return length;
  }
}

/** The one element that some bytes are. */
export function only(bytes: Uint8Array, tag: number, maxBytes?: number): Reader {
  const reader = new Reader(bytes, maxBytes);
  const inside = reader.enter(tag);
  reader.end();
  return inside;
}

/** An object identifier in dots. */
export function oidOf({ tag, content }: Element): string {
  if (tag !== tags.oid || content.length === 0 || content.length > 32) throw new DerError();
  const arcs: number[] = [];
  let value = 0;
  for (const [i, byte] of content.entries()) {
    const isFirst = i === 0 || (content[i - 1] ?? 0) < 0x80;
    if (isFirst && byte === 0x80) throw new DerError();
    value = value * 128 + (byte & 0x7f);
    if (value > Number.MAX_SAFE_INTEGER / 128) throw new DerError();
    if (byte >= 0x80) continue;
    arcs.push(value);
    value = 0;
  }
  const [first] = arcs;
  if (first === undefined || (content.at(-1) ?? 0) >= 0x80) throw new DerError();
  const root = Math.min(2, Math.floor(first / 40));
  return [root, first - 40 * root, ...arcs.slice(1)].join('.');
}

/** A whole number of zero or more, in hexadecimal without leading zeros. */
export function naturalOf({ tag, content }: Element): string {
  const [first, second] = content;
  if (tag !== tags.integer || first === undefined || first >= 0x80) throw new DerError();
  if (first === 0 && second !== undefined && second < 0x80) throw new DerError();
  return Buffer.from(content)
    .toString('hex')
    .replace(/^0+(?=.)/, '');
}

/** Writes an element. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(contents);
  const { length } = content;
  const prefix =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  if (length > 0xffff) throw new RangeError('longer than anything that is written here');
  return Buffer.concat([Uint8Array.of(tag, ...prefix), content]);
}

/** A whole number from its big-endian bytes. */
export function derNatural(bytes: Uint8Array): Uint8Array {
  const start = bytes.findIndex((byte) => byte !== 0);
  const short = start < 0 ? Uint8Array.of(0) : bytes.subarray(start);
  return der(tags.integer, (short[0] ?? 0) >= 0x80 ? Buffer.concat([Uint8Array.of(0), short]) : short);
}

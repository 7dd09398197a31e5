/** Bytes of a segment; a record is far smaller. */
const segmentBytes = 1 << 18;
/** A segment with fewer bytes in use is emptied. */
const worthKeeping = (segmentBytes / 8) * 7;
/** Record: hash (4), key bytes (2, top bit: deleted), value bytes (2), key, value. */
const headBytes = 8;
const deleted = 0x8000;
const maxPart = 0x7fff;

interface Segment {
  readonly bytes: Buffer;
  /** Where the next record goes. */
  end: number;
  /** Bytes of records that are not deleted. */
  live: number;
}

function newSegment(): Segment {
  return { bytes: Buffer.allocUnsafeSlow(segmentBytes), end: 0, live: 0 };
}

/** FNV-1a over UTF-16 units. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/**
 * A map of short texts outside of the JavaScript heap, for very many entries that are seldom looked at:
 * they cost their bytes in UTF-8 and about sixteen more, and no time in garbage collection. Texts are
 * bounded to 32,767 bytes.
 *
 * Records are appended to segments. A segment of which an eighth was deleted is emptied into the last one
 * and used again, so that little of the memory is waste.
 */
export class PackedMap {
  readonly #segments: Segment[] = [newSegment()];
  readonly #free: number[] = [];
  #tail = 0;
  /** Open addressing: 0 empty, otherwise 1 + the record's place. */
  #slots = new Uint32Array(1 << 10);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Takes the entry out of the map. */
  take(key: string): string | undefined {
    const slot = this.#slotOf(key, hashOf(key));
    const place = this.#slots[slot] ?? 0;
    if (place === 0) return undefined;
    const { segment, offset } = this.#locate(place);
    const value = valueAt(segment.bytes, offset);
    this.#remove(slot, place);
    return value;
  }

  /** @throws RangeError (`collector.state_too_long`) where key or value is over the bound. */
  set(key: string, value: string): void {
    const keyBytes = Buffer.byteLength(key, 'utf8');
    const valueBytes = Buffer.byteLength(value, 'utf8');
    if (keyBytes > maxPart || valueBytes > maxPart) {
      throw Object.assign(new RangeError('a state text is too long'), { code: 'collector.state_too_long' });
    }
    const hash = hashOf(key);
    const held = this.#slotOf(key, hash);
    const before = this.#slots[held] ?? 0;
    if (before !== 0) this.#remove(held, before);
    if ((this.#size + 1) * 2 > this.#slots.length) this.#grow();
    const size = headBytes + keyBytes + valueBytes;
    const place = this.#reserve(size);
    const { segment, offset } = this.#locate(place);
    const { bytes } = segment;
    bytes.writeUInt32LE(hash, offset);
    bytes.writeUInt16LE(keyBytes, offset + 4);
    bytes.writeUInt16LE(valueBytes, offset + 6);
    bytes.write(key, offset + headBytes, 'utf8');
    bytes.write(value, offset + headBytes + keyBytes, 'utf8');
    this.#insert(hash, place);
    this.#size++;
  }

  /** Every entry, in no order. The map must not be changed meanwhile. */
  *entries(): Generator<readonly [key: string, value: string]> {
    for (const { bytes, end } of this.#segments) {
      for (let offset = 0; offset < end; offset += sizeAt(bytes, offset)) {
        if (isLive(bytes, offset)) yield [keyAt(bytes, offset), valueAt(bytes, offset)];
      }
    }
  }

  #locate(place: number): { segment: Segment; offset: number } {
    const segment = this.#segments[Math.floor((place - 1) / segmentBytes)];
    if (segment === undefined) throw new RangeError('packed map is broken');
    return { segment, offset: (place - 1) % segmentBytes };
  }

  /** The slot of the key, or the empty one where it would go. */
  #slotOf(key: string, hash: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const place = this.#slots[slot] ?? 0;
      if (place === 0) return slot;
      const { segment, offset } = this.#locate(place);
      if (segment.bytes.readUInt32LE(offset) === hash && keyAt(segment.bytes, offset) === key) return slot;
    }
  }

  #insert(hash: number, place: number): void {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = place;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(old.length * 2);
    for (const place of old) if (place !== 0) this.#insert(this.#hashAt(place), place);
  }

  #hashAt(place: number): number {
    const { segment, offset } = this.#locate(place);
    return segment.bytes.readUInt32LE(offset);
  }

  #remove(slot: number, place: number): void {
    this.#clearSlot(slot);
    this.#size--;
    const { segment, offset } = this.#locate(place);
    const { bytes } = segment;
    segment.live -= sizeAt(bytes, offset);
    bytes.writeUInt16LE(bytes.readUInt16LE(offset + 4) | deleted, offset + 4);
    const index = Math.floor((place - 1) / segmentBytes);
    if (index !== this.#tail && segment.live < worthKeeping) this.#empty(index, segment);
  }

  /** Linear probing without tombstones: entries behind the gap move up where they may. */
  #clearSlot(gap: number): void {
    const mask = this.#slots.length - 1;
    for (let slot = (gap + 1) & mask; ; slot = (slot + 1) & mask) {
      const place = this.#slots[slot] ?? 0;
      if (place === 0) break;
      const home = this.#hashAt(place) & mask;
      if (((slot - home) & mask) >= ((slot - gap) & mask)) {
        this.#slots[gap] = place;
        gap = slot;
      }
    }
    this.#slots[gap] = 0;
  }

  /** Space for a record at the end of the last segment. */
  #reserve(size: number): number {
    let segment = this.#segments[this.#tail];
    if (segment === undefined || segment.end + size > segmentBytes) {
      const index = this.#free.pop() ?? this.#segments.length;
      segment = this.#segments[index] ?? newSegment();
      this.#segments[index] = segment;
      this.#tail = index;
    }
    const place = this.#tail * segmentBytes + segment.end + 1;
    segment.end += size;
    segment.live += size;
    return place;
  }

  /** Moves what is left of a segment to the end of the last one. */
  #empty(index: number, from: Segment): void {
    const mask = this.#slots.length - 1;
    for (let offset = 0; offset < from.end; offset += sizeAt(from.bytes, offset)) {
      if (!isLive(from.bytes, offset)) continue;
      const size = sizeAt(from.bytes, offset);
      const place = this.#reserve(size);
      const to = this.#locate(place);
      from.bytes.copy(to.segment.bytes, to.offset, offset, offset + size);
      const old = index * segmentBytes + offset + 1;
      let slot = from.bytes.readUInt32LE(offset) & mask;
      while (this.#slots[slot] !== old) slot = (slot + 1) & mask;
      this.#slots[slot] = place;
    }
    from.end = 0;
    from.live = 0;
    this.#free.push(index);
  }
}

function isLive(bytes: Buffer, offset: number): boolean {
  return (bytes.readUInt16LE(offset + 4) & deleted) === 0;
}

function keyBytesAt(bytes: Buffer, offset: number): number {
  return bytes.readUInt16LE(offset + 4) & ~deleted;
}

function sizeAt(bytes: Buffer, offset: number): number {
  return headBytes + keyBytesAt(bytes, offset) + bytes.readUInt16LE(offset + 6);
}

function keyAt(bytes: Buffer, offset: number): string {
  const start = offset + headBytes;
  return bytes.toString('utf8', start, start + keyBytesAt(bytes, offset));
}

function valueAt(bytes: Buffer, offset: number): string {
  const start = offset + headBytes + keyBytesAt(bytes, offset);
  return bytes.toString('utf8', start, start + bytes.readUInt16LE(offset + 6));
}

import { LedgerError } from './errors.ts';

/** Most bytes of one entry: its length is written as a uint16. */
export const maxEntryBytes = 65_535;

const lengthBytes = 2;

/** An entry bundle: each entry behind its length as a big-endian uint16 (C2SP tlog-tiles). */
export function encodeBundle(entries: readonly Uint8Array[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    if (entry.length > maxEntryBytes) {
      throw new LedgerError('ledger.entry_invalid', `An entry has at most ${maxEntryBytes} bytes.`);
    }
    const length = Buffer.alloc(lengthBytes);
    length.writeUInt16BE(entry.length);
    parts.push(length, entry);
  }
  return Buffer.concat(parts);
}

/** @returns null unless the bytes are exactly `count` entries, nothing short and nothing left over. */
export function decodeBundle(bytes: Uint8Array, count: number): Uint8Array[] | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: Uint8Array[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    if (entries.length === count || offset + lengthBytes > bytes.length) return null;
    const start = offset + lengthBytes;
    offset = start + view.getUint16(offset);
    if (offset > bytes.length) return null;
    entries.push(bytes.subarray(start, offset));
  }
  return entries.length === count ? entries : null;
}

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { decodeBase64, encodeBase64, parseDecimal } from './base64.ts';
import { type Hash, isHash } from './hash.ts';

/*
 * A record of an order, as bytes:
 *
 *   griffie-ledger-record/v1
 *   <size> <base64 of the root>       the tree on which the entry was decided
 *   <base64 of a digest>              of the record before it in the same append; empty for the first
 *   <base64 of the code>
 *                                     an empty line
 *   <the entry's exact bytes>         nothing for a barrier
 *
 * The code is HMAC-SHA-256 under a secret of the replicas, over the log's origin and all of the record: who
 * may write to the topic can keep the ledger from going on, and cannot put anything into it.
 */

const firstLine = 'griffie-ledger-record/v1';
/** Four lines: the longest size and base64 of three hashes. */
const maxHeadBytes = firstLine.length + 1 + 16 + 1 + 44 + 1 + 44 + 1 + 44 + 2;

/** What records are written and recognised by. */
export interface RecordKey {
  /** Name of the log. */
  readonly origin: string;
  /** At least 32 random bytes, the same on all replicas. */
  readonly secret: Uint8Array;
}

/** What a replica said, and of which tree it said it. */
export interface ReplicaRecord {
  readonly size: number;
  readonly root: Hash;
  /** Digest of the record before it in the same append: it counts directly behind that one only. */
  readonly behind?: Hash;
  /** Empty for a barrier: a record that takes a place, and nothing else. */
  readonly entry: Uint8Array;
}

export function encodeRecord(record: ReplicaRecord, key: RecordKey): Uint8Array {
  const { size, root, behind = new Uint8Array(), entry } = record;
  const claims = `${size} ${encodeBase64(root)}\n${encodeBase64(behind)}`;
  const head = `${firstLine}\n${claims}\n${encodeBase64(codeOf(claims, entry, key))}\n\n`;
  return Buffer.concat([Buffer.from(head), entry]);
}

/** @returns null unless a holder of the key wrote exactly these bytes. */
export function decodeRecord(bytes: Uint8Array, key: RecordKey): ReplicaRecord | null {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const lines: string[] = [];
  let start = 0;
  for (let line = 0; line < 5; line++) {
    const end = buffer.subarray(0, maxHeadBytes).indexOf('\n', start);
    if (end < 0) return null;
    lines.push(buffer.toString('latin1', start, end));
    start = end + 1;
  }
  const [first, tree = '', behindText = '', codeText = '', blank] = lines;
  if (first !== firstLine || blank !== '') return null;
  const entry = bytes.subarray(start);
  const code = decodeBase64(codeText);
  const expected = codeOf(`${tree}\n${behindText}`, entry, key);
  if (code === null || code.length !== expected.length || !timingSafeEqual(code, expected)) return null;
  const [sizeText = '', rootText = ''] = tree.split(' ');
  const size = parseDecimal(sizeText);
  const root = decodeBase64(rootText);
  const behind = decodeBase64(behindText);
  if (size === null || root === null || !isHash(root) || behind === null) return null;
  if (behind.length === 0) return { size, root, entry };
  return isHash(behind) ? { size, root, behind, entry } : null;
}

/** What the next record of the same append names. */
export function recordDigest(bytes: Uint8Array): Hash {
  return createHash('sha256').update(bytes).digest();
}

function codeOf(claims: string, entry: Uint8Array, { origin, secret }: RecordKey): Buffer {
  return createHmac('sha256', secret).update(`${firstLine}\n${origin}\n${claims}\n\n`).update(entry).digest();
}

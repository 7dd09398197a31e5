import { signatureBytes } from './note-key.ts';

const timeBytes = 8;

/** What a witness signs (C2SP tlog-cosignature, Ed25519): a header, its time, and the whole note text. */
export function cosignatureMessage(noteText: string, time: number): Uint8Array {
  return Buffer.from(`cosignature/v1\ntime ${time}\n${noteText}`);
}

/** A witness's signature with the time it vouches for, in seconds since the epoch. */
export interface TimedSignature {
  readonly time: number;
  readonly signature: Uint8Array;
}

/** @returns null unless the blob is a big-endian uint64 time up to 2^53 - 1 and an Ed25519 signature. */
export function splitCosignature(blob: Uint8Array): TimedSignature | null {
  if (blob.length !== timeBytes + signatureBytes) return null;
  const time = Buffer.from(blob).readBigUInt64BE();
  if (time > BigInt(Number.MAX_SAFE_INTEGER)) return null;
  return { time: Number(time), signature: blob.subarray(timeBytes) };
}

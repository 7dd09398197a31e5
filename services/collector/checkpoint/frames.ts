import { closeSync, openSync, readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { damaged } from './errors.ts';

/*
 * A checkpoint file is a magic line and frames: length, CRC-32 of the payload, CRC-32 of these eight bytes,
 * payload. All numbers are unsigned, big-endian, 32 bits. The header has a sum of its own so that a damaged
 * length is told apart from a frame that was cut off: only the latter may be forgiven, and only at the end.
 */

export const magic = Buffer.from('griffie-checkpoint/1\n', 'latin1');
const headerBytes = 12;
/** Far above what one commit can hold; a length over it is damage. */
const maxPayloadBytes = 512 * 1024 * 1024;

export function encodeFrame(payload: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(headerBytes + payload.length);
  frame.writeUInt32BE(payload.length, 0);
  frame.writeUInt32BE(crc32(payload), 4);
  frame.writeUInt32BE(crc32(frame.subarray(0, 8)), 8);
  payload.copy(frame, headerBytes);
  return frame;
}

export interface FrameScan {
  /** Bytes from the file's start to the end of its last good frame; where reading begins, 0 for the start. */
  validBytes: number;
}

/**
 * Reads a file's frames one by one, holding one at a time.
 * @param scan moved on while frames are read.
 * @param tornEnd whether a last frame that was not written whole is passed over (a log) or is damage (a snapshot).
 * @throws CheckpointError `CHECKPOINT_DAMAGED`
 */
export function* readFrames(path: string, tornEnd: boolean, scan: FrameScan): Generator<Buffer> {
  const fd = openSync(path, 'r');
  try {
    if (scan.validBytes === 0) {
      const start = readUpTo(fd, 0, magic.length);
      if (start.length < magic.length && tornEnd && isTornStart(start)) return;
      if (!start.equals(magic)) throw damaged(path, 'it does not begin as one');
      scan.validBytes = magic.length;
    }
    for (;;) {
      const at = scan.validBytes;
      const header = readUpTo(fd, at, headerBytes);
      if (header.length === 0) return;
      const torn = (what: string): void => {
        if (!tornEnd) throw damaged(path, `${what} at byte ${at}`);
      };
      if (header.length < headerBytes) return torn('it ends in a frame');
      const length = header.readUInt32BE(0);
      if (crc32(header.subarray(0, 8)) !== header.readUInt32BE(8) || length > maxPayloadBytes) {
        // A file system may have made the file longer and never written the bytes: zeros to the end.
        if (tornEnd && zerosToTheEnd(fd, at)) return;
        throw damaged(path, `a broken frame at byte ${at}`);
      }
      const payload = readUpTo(fd, at + headerBytes, length);
      if (payload.length < length) return torn('it ends in a frame');
      const end = at + headerBytes + length;
      if (crc32(payload) !== header.readUInt32BE(4)) {
        if (tornEnd && readUpTo(fd, end, 1).length === 0) return;
        throw damaged(path, `a broken frame at byte ${at}`);
      }
      scan.validBytes = end;
      yield payload;
    }
  } finally {
    closeSync(fd);
  }
}

function isTornStart(start: Buffer): boolean {
  return start.equals(magic.subarray(0, start.length)) || start.every((byte) => byte === 0);
}

function zerosToTheEnd(fd: number, from: number): boolean {
  for (let at = from; ; ) {
    const chunk = readUpTo(fd, at, 65_536);
    if (chunk.length === 0) return true;
    if (chunk.some((byte) => byte !== 0)) return false;
    at += chunk.length;
  }
}

function readUpTo(fd: number, position: number, length: number): Buffer {
  const buffer = Buffer.allocUnsafe(Math.min(length, maxPayloadBytes));
  let read = 0;
  while (read < buffer.length) {
    const count = readSync(fd, buffer, read, buffer.length - read, position + read);
    if (count === 0) break;
    read += count;
  }
  return buffer.subarray(0, read);
}

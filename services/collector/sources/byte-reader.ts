import type { FileHandle } from 'node:fs/promises';
import { createGunzip, type Gunzip } from 'node:zlib';
import { sourceLimits } from './source.ts';

/** Bytes of one file in order, from an offset on. */
export interface ByteReader {
  /** The next bytes, or null where there are none now. */
  next(): Promise<Buffer | null>;
  close(): Promise<void>;
}

/** A file that may still grow. Closes its handle. */
export function plainReader(file: FileHandle, offset: number): ByteReader {
  let position = offset;
  return {
    async next() {
      const chunk = Buffer.allocUnsafe(sourceLimits.chunkBytes);
      const { bytesRead } = await file.read(chunk, 0, chunk.length, position);
      if (bytesRead === 0) return null;
      position += bytesRead;
      return chunk.subarray(0, bytesRead);
    },
    close: () => file.close(),
  };
}

/**
 * A compressed file; the offset counts decompressed bytes, which are read and dropped up to there. Closes its
 * handle: by its name, a rotation might have put another file there meanwhile.
 */
export function gzipReader(file: FileHandle, offset: number): ByteReader {
  const input = file.createReadStream({ start: 0, autoClose: false });
  const output: Gunzip = createGunzip();
  input.on('error', (error) => output.destroy(error));
  const chunks = input.pipe(output)[Symbol.asyncIterator]();
  let toDrop = offset;
  return {
    async next() {
      for (;;) {
        const { value, done } = (await chunks.next()) as IteratorResult<Buffer, undefined>;
        if (done === true || value === undefined) return null;
        if (toDrop >= value.length) {
          toDrop -= value.length;
          continue;
        }
        const rest = value.subarray(toDrop);
        toDrop = 0;
        return rest;
      }
    },
    async close() {
      input.destroy();
      output.destroy();
      await file.close();
    },
  };
}

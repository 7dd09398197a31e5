import { createHash } from 'node:crypto';
import { closeSync, fsync, openSync, writeSync, writevSync } from 'node:fs';
import { promisify } from 'node:util';
import { type AgePayload, ageChunkBytes, createAgePayload } from './age-payload.ts';
import { freeMemory } from './free-memory.ts';
import type { AgeHeader, WrittenFile } from './messages.ts';

const sync = promisify(fsync);

/** A new file that holds an age header and a payload, written piece by piece; for a thread that may wait. */
export class EncryptedFile {
  readonly #descriptor: number;
  readonly #payload: AgePayload;
  readonly #before = createHash('sha256');
  readonly #after = createHash('sha256');
  /** Plaintext that is not encrypted yet: whether its chunk is the last is known once more comes. */
  readonly #pending = Buffer.alloc(ageChunkBytes);
  #pendingBytes = 0;
  #bytes = 0;
  #encryptedBytes = 0;

  constructor(path: string, mode: number, { header, fileKey }: AgeHeader) {
    this.#descriptor = openSync(path, 'wx', mode);
    this.#payload = createAgePayload(fileKey);
    this.#write([header, this.#payload.nonce]);
  }

  /** @param bytes of any length; they may be used again afterwards */
  add(bytes: Uint8Array): void {
    this.#before.update(bytes);
    this.#bytes += bytes.length;
    const encrypted: Buffer[] = [];
    let at = this.#keep(bytes);
    if (at < bytes.length) {
      encrypted.push(...this.#payload.chunk(this.#pending, false));
      this.#pendingBytes = 0;
      for (; bytes.length - at > ageChunkBytes; at += ageChunkBytes) {
        encrypted.push(...this.#payload.chunk(bytes.subarray(at, at + ageChunkBytes), false));
      }
      this.#keep(bytes.subarray(at));
    }
    this.#write(encrypted);
    freeMemory(encrypted.filter(({ length }) => length === ageChunkBytes));
  }

  /** @returns what was written, all of it */
  end(): WrittenFile {
    this.#write(this.#payload.chunk(this.#pending.subarray(0, this.#pendingBytes), true));
    return {
      bytes: this.#bytes,
      sha256: this.#before.digest('hex'),
      encryptedBytes: this.#encryptedBytes,
      encryptedSha256: this.#after.digest('hex'),
    };
  }

  /** Makes it durable and lets go of it. */
  async syncAndClose(): Promise<void> {
    try {
      await sync(this.#descriptor);
    } finally {
      closeSync(this.#descriptor);
    }
  }

  /** @returns how many of the bytes found room */
  #keep(bytes: Uint8Array): number {
    const kept = bytes.subarray(0, ageChunkBytes - this.#pendingBytes);
    this.#pending.set(kept, this.#pendingBytes);
    this.#pendingBytes += kept.length;
    return kept.length;
  }

  #write(pieces: readonly Uint8Array[]): void {
    let length = 0;
    for (const piece of pieces) {
      this.#after.update(piece);
      length += piece.length;
    }
    this.#encryptedBytes += length;
    // A disk that is nearly full takes a part; what is left then fails with its reason.
    for (let done = length === 0 ? 0 : writevSync(this.#descriptor, pieces); done < length; ) {
      done += writeSync(this.#descriptor, Buffer.concat(pieces), done);
    }
  }
}

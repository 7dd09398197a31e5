import { createHash } from 'node:crypto';
import { closeSync, fsync, openSync, writeSync, writevSync } from 'node:fs';
import { promisify } from 'node:util';
import { MessageChannel } from 'node:worker_threads';
import { type AgePayload, ageChunkBytes, createAgePayload } from './age-payload.ts';
import type { FileToWrite, WrittenFile } from './messages.ts';

const sync = promisify(fsync);

/** What is transferred to it is gone. */
const nowhere = new MessageChannel().port1;
nowhere.close();

/** A new file that holds an age header and a payload, written block by block; for a thread that may wait. */
export class EncryptedFile {
  readonly #descriptor: number;
  readonly #payload: AgePayload;
  readonly #before = createHash('sha256');
  readonly #after = createHash('sha256');
  #bytes = 0;
  #encryptedBytes = 0;

  constructor({ path, mode, header, fileKey }: FileToWrite) {
    this.#descriptor = openSync(path, 'wx', mode);
    this.#payload = createAgePayload(fileKey);
    this.#write([header, this.#payload.nonce]);
  }

  /** @param block whole chunks, unless it is the last */
  add(block: Uint8Array, isLast: boolean): void {
    this.#before.update(block);
    this.#bytes += block.length;
    const encrypted: Buffer[] = [];
    let at = 0;
    do {
      const chunk = block.subarray(at, at + ageChunkBytes);
      at += chunk.length;
      encrypted.push(...this.#payload.chunk(chunk, isLast && at === block.length));
    } while (at < block.length);
    this.#write(encrypted);
    free(encrypted);
  }

  /** What was written, once the last block was added. */
  written(): WrittenFile {
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

  #write(pieces: readonly Uint8Array[]): void {
    let length = 0;
    for (const piece of pieces) {
      this.#after.update(piece);
      length += piece.length;
    }
    this.#encryptedBytes += length;
    // A disk that is nearly full takes a part; what is left then fails with its reason.
    for (let done = writevSync(this.#descriptor, pieces); done < length; ) {
      done += writeSync(this.#descriptor, Buffer.concat(pieces), done);
    }
  }
}

/** Frees ciphertext at once: V8 counts buffers that nobody needs up to 64 MB before it collects them. */
function free(pieces: readonly Buffer[]): void {
  const large = pieces.filter((piece) => piece.length === ageChunkBytes);
  nowhere.postMessage(
    null,
    large.map(({ buffer }) => buffer as ArrayBuffer),
  );
}

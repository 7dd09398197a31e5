import { createRequire } from 'node:module';
import { privateModes, startThread } from '#shared/runtime';
import { createAgeHeader } from './age-header.ts';
import { ageChunkBytes } from './encryption-thread/age-payload.ts';
import type { FromThread, ToThread, WrittenFile } from './encryption-thread/messages.ts';

export type { WrittenFile } from './encryption-thread/messages.ts';

/** Plaintext that goes to the thread at once, and how many such blocks there are at most. */
const blockBytes = 16 * ageChunkBytes;
const maxBlocks = 4;

/** A thread has no use for more: it makes nothing but buffers of 64 KiB. */
const resourceLimits = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 } as const;

/** The built one, also where this module itself is run from its source: Node 20 runs no TypeScript. */
const entry = createRequire(import.meta.url).resolve('#threads/encryption');

/**
 * Writes encrypted files on a thread of its own. One call at a time; the first fault is every later call's,
 * too.
 */
export class EncryptedFiles {
  readonly #recipients: readonly string[];
  readonly #worker = startThread(entry, { resourceLimits });
  readonly #free: ArrayBuffer[] = Array.from({ length: maxBlocks }, () => new ArrayBuffer(blockBytes));
  #written: WrittenFile | null = null;
  #unsynced = 0;
  #fault: Error | null = null;
  /** Wakes the one call that waits for a message. */
  #wake = (): void => {};

  /** @param recipients age X25519 recipients, checked */
  constructor(recipients: readonly string[]) {
    this.#recipients = recipients;
    this.#worker.on('message', (message: FromThread) => this.#hear(message));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', () => this.#fail(new Error('the thread that encrypts has ended')));
  }

  /**
   * Writes a new file (mode 0600) that holds the plaintext encrypted to the recipients; it is durable after
   * `sync`. The plaintext is in memory only, four blocks at a time; its pieces may be used again once the
   * next is asked for.
   */
  async write(path: string, plaintext: AsyncIterable<Uint8Array>): Promise<WrittenFile> {
    const header = await createAgeHeader(this.#recipients);
    this.#tell({ kind: 'open', file: { path, mode: privateModes.file, ...header } });
    this.#unsynced += 1;
    // A block is sent once it is known whether it is the last.
    let memory = await this.#block();
    let filled = 0;
    for await (const piece of plaintext) {
      for (let at = 0; at < piece.length; ) {
        if (filled === blockBytes) {
          this.#tell({ kind: 'block', memory, length: filled, isLast: false }, [memory]);
          memory = await this.#block();
          filled = 0;
        }
        const taken = piece.subarray(at, at + blockBytes - filled);
        new Uint8Array(memory).set(taken, filled);
        filled += taken.length;
        at += taken.length;
      }
    }
    this.#written = null;
    this.#tell({ kind: 'block', memory, length: filled, isLast: true }, [memory]);
    return this.#when(() => this.#written);
  }

  /** Resolves once every file is durable. */
  async sync(): Promise<void> {
    await this.#when(() => (this.#unsynced === 0 ? true : null));
  }

  /** Ends the thread, whatever it is at. What was not synced may be on the disk in part. */
  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #block(): Promise<ArrayBuffer> {
    return this.#when(() => this.#free.pop() ?? null);
  }

  async #when<T>(look: () => T | null): Promise<T> {
    for (;;) {
      if (this.#fault !== null) throw this.#fault;
      const found = look();
      if (found !== null) return found;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #tell(message: ToThread, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #hear(message: FromThread): void {
    switch (message.kind) {
      case 'taken':
        this.#free.push(message.memory);
        break;
      case 'written':
        this.#written = message.file;
        break;
      case 'synced':
        this.#unsynced -= 1;
        break;
      case 'failed':
        this.#fail(Object.assign(new Error(message.message), { code: message.code }));
    }
    this.#wake();
  }

  #fail(error: Error): void {
    this.#fault ??= error;
    this.#wake();
  }
}

import { createRequire } from 'node:module';
import { privateModes, startThread } from '#shared/runtime';
import type { LineSource } from '#shared/traffic';
import { createAgeHeader } from './age-header.ts';
import type {
  Answers,
  FromThread,
  Question,
  RecordsToWrite,
  ThreadSettings,
  ToThread,
  Written,
  WrittenFile,
  WrittenRecords,
} from './package-thread/messages.ts';

/** Pieces that may be with the thread at once. */
const maxPieces = 4;

/** What the schema, a piece's lines and buffers of 64 KiB need. */
const resourceLimits = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 } as const;

/** The built one, also where this module itself is run from its source: Node 20 runs no TypeScript. */
const entry = createRequire(import.meta.url).resolve('#threads/package');

/**
 * Makes a package's files on a thread of its own. One call at a time; the first fault is every later call's,
 * too. A file is durable after `sync`, and its plaintext is in memory only, four pieces at a time.
 */
export class PackageThread {
  readonly #recipients: readonly string[];
  readonly #worker = startThread(entry, {
    resourceLimits,
    // Not those of a process that runs sources: the thread's modules are the built ones.
    execArgv: [],
    workerData: { fileMode: privateModes.file } satisfies ThreadSettings,
  });
  #eventsBefore: LineSource['eventsBefore'] = async () => new Set();
  #told: (soFar: Written) => void = () => {};
  #pieces = 0;
  #soFar: Written = { records: 0, bytes: 0 };
  #records: WrittenRecords | null = null;
  #file: WrittenFile | null = null;
  #isSynced = false;
  #fault: Error | null = null;
  /** Wakes the one call that waits for a message. */
  #wake = (): void => {};

  /** @param recipients age X25519 recipients, checked */
  constructor(recipients: readonly string[]) {
    this.#recipients = recipients;
    this.#worker.on('message', (message: FromThread) => this.#hear(message));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', () => this.#fail(new Error('the thread of a package has ended')));
  }

  /**
   * Writes encrypted parts of what may leave of a source's lines, and takes their memory.
   * @param told after each piece that is encrypted
   * @throws an error with the code `package.record_invalid`, `package.record_too_large` or
   * `package.too_many_parts`, and whatever the source throws
   */
  async writeRecords(
    records: RecordsToWrite,
    source: LineSource,
    told: (soFar: Written) => void = () => {},
  ): Promise<WrittenRecords> {
    this.#eventsBefore = (time, ids) => source.eventsBefore(time, ids);
    this.#told = told;
    this.#tell({ kind: 'records', records });
    for await (const { bytes, slice } of source) {
      await this.#room();
      const own = ownMemory(bytes);
      this.#hand({ kind: 'lines', lines: { bytes: own, slice } }, own.buffer);
    }
    this.#tell({ kind: 'end' });
    return this.#when(() => this.#records);
  }

  /** Writes a new file that holds the plaintext encrypted to the recipients. */
  async writeFile(path: string, plaintext: AsyncIterable<Uint8Array>): Promise<WrittenFile> {
    this.#file = null;
    this.#tell({ kind: 'file', path });
    for await (const piece of plaintext) {
      await this.#room();
      const bytes = Uint8Array.from(piece);
      this.#hand({ kind: 'bytes', bytes }, bytes.buffer);
    }
    this.#tell({ kind: 'end' });
    return this.#when(() => this.#file);
  }

  /** Resolves once every file is durable. */
  async sync(): Promise<void> {
    this.#isSynced = false;
    this.#tell({ kind: 'sync' });
    await this.#when(() => this.#isSynced || null);
  }

  /** Ends the thread, whatever it is at. What was not synced may be on the disk in part. */
  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  async #room(): Promise<void> {
    await this.#when(() => this.#pieces < maxPieces || null);
  }

  #hand(message: ToThread, memory: ArrayBuffer): void {
    this.#pieces += 1;
    this.#tell(message, [memory]);
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
      case 'question':
        this.#answer(message.question).then(
          (answer) => this.#tell({ kind: 'answer', answer }),
          (error: Error) => this.#fail(error),
        );
        break;
      case 'taken':
        this.#pieces -= 1;
        this.#soFar = {
          records: this.#soFar.records + message.written.records,
          bytes: this.#soFar.bytes + message.written.bytes,
        };
        if (message.written.records > 0) this.#told(this.#soFar);
        break;
      case 'records':
        this.#records = message.records;
        break;
      case 'file':
        this.#file = message.file;
        break;
      case 'synced':
        this.#isSynced = true;
        break;
      case 'failed':
        this.#fail(Object.assign(new Error(message.message), { code: message.code }));
    }
    this.#wake();
  }

  #answer(question: Question): Promise<Answers[keyof Answers]> {
    return question.kind === 'header'
      ? createAgeHeader(this.#recipients)
      : this.#eventsBefore(question.time, question.ids);
  }

  #fail(error: Error): void {
    this.#fault ??= error;
    this.#wake();
  }
}

/** Bytes with memory that is theirs alone and can be handed over: the same, where it is so already. */
function ownMemory(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  const isOwn = buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength;
  return isOwn ? new Uint8Array(buffer) : Uint8Array.from(bytes);
}

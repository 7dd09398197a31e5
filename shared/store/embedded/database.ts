import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Mutex, makePrivateFolder } from '#shared/runtime';
import { bytesOf, type Database, insertSettings, type Rows, type StoreQuery } from '../database.ts';
import type { DiskKeys } from '../disk-keys.ts';
import { diskFolder } from '../encryption/engine-configuration.ts';
import { StoreError, toStoreError } from '../errors.ts';
import { createDiskKeys } from './disk-keys.ts';
import { type EncryptedDisk, type EncryptionOptions, prepareDisk } from './encrypted-disk.ts';
import { type Engine, loadEngine, openEngine, type Session, type StreamChunk } from './engine.ts';

export interface EmbeddedOptions {
  /** Folder of the engine's data; made where it is missing, for this user only. */
  readonly folder: string;
}

export interface EncryptedDatabase {
  /** Whether a first key was made just now. */
  readonly isNew: boolean;
  readonly database: Database;
  readonly diskKeys: DiskKeys;
}

/**
 * The engine without encryption: for tests and for what is made to be thrown away.
 * @throws {StoreError} `store.engine_missing`, `store.folder_in_use`, `store.key_missing`
 */
export async function openEmbeddedDatabase({ folder }: EmbeddedOptions): Promise<Database> {
  if (await isThere(join(folder, diskFolder))) {
    // Opened in plain, its tables would be there and empty.
    throw new StoreError(
      'store.key_missing',
      'The data folder is encrypted, and was to be opened without its keys',
    );
  }
  return (await openDatabase(folder, null)).database;
}

/**
 * The engine with every table on an encrypted disk.
 * @throws {StoreError} `store.engine_missing`, `store.folder_in_use`, `store.key_missing`,
 * `store.keys_unusable`, `store.not_encrypted`
 */
export async function openEncryptedDatabase({
  folder,
  ...options
}: EmbeddedOptions & EncryptionOptions): Promise<EncryptedDatabase> {
  const disk = await prepareDisk(folder, options);
  const { database, whileClosed } = await openDatabase(folder, disk);
  return { isNew: disk.isNew, database, diskKeys: createDiskKeys(disk, whileClosed) };
}

async function openDatabase(folder: string, disk: EncryptedDisk | null) {
  const chdb = await loadEngine();
  await makePrivateFolder(folder);
  const open = (): Promise<Engine> => openEngine(chdb, folder, disk);
  const database = new EmbeddedDatabase(await open(), open);
  return { database, whileClosed: <T>(task: () => Promise<T>) => database.whileClosed(task) };
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Batches of the embedded bus are smaller than what a second thread would parse, and its buffers cost 10 MB. */
const smallBatches = { input_format_parallel_parsing: 0 };

/** Longest time for which a change of keys holds up new readings, milliseconds. */
const maxHoldUpMs = 2000;

class EmbeddedDatabase implements Database {
  /** Null while the engine is closed for a moment, or could not be opened again. */
  #engine: Engine | null;
  readonly #open: () => Promise<Engine>;
  /** The client's connection is one session of the engine, which takes one statement at a time. */
  readonly #oneByOne = new Mutex();
  readonly #streams = new Set<Session>();
  /** Under way, each in a session of its own, which must not be closed under it. */
  readonly #copies = new Set<Promise<unknown>>();
  readonly #closings = new Mutex();
  /** Set while the engine is, or is about to be, closed for a moment. */
  #closing: Promise<void> | null = null;
  #closed = false;

  constructor(engine: Engine, open: () => Promise<Engine>) {
    this.#engine = engine;
    this.#open = open;
  }

  command(statement: string): Promise<void> {
    return this.#run(async ({ client }) => {
      await client.command({ query: statement });
    });
  }

  insert(table: string, columns: readonly string[], rows: Rows, token: string): Promise<void> {
    const settings = { ...insertSettings(token), ...smallBatches };
    const values = bytesOf(rows);
    return this.#run(async ({ insertRaw }) => {
      await insertRaw({ table, columns, values, settings, format: 'JSONEachRow' });
    });
  }

  async *rows(query: StoreQuery): AsyncGenerator<readonly unknown[]> {
    for await (const chunk of this.#stream(query, 'JSONEachRow')) yield chunk.rows();
  }

  async *lines(query: StoreQuery): AsyncGenerator<Uint8Array> {
    for await (const chunk of this.#stream(query, 'TabSeparatedRaw')) yield chunk.raw();
  }

  async copy(statement: StoreQuery): Promise<void> {
    this.#assertOpen();
    const session = await this.#session();
    this.#streams.delete(session);
    const copying = session.queryBindAsync(statement.text, { ...statement.parameters });
    this.#copies.add(copying);
    try {
      await copying;
    } catch (error) {
      throw toStoreError(error, 'write');
    } finally {
      this.#copies.delete(copying);
      session.close();
    }
  }

  async *#stream(query: StoreQuery, format: string): AsyncGenerator<StreamChunk> {
    this.#assertOpen();
    const session = await this.#session();
    try {
      yield* session.queryStreamBind(query.text, query.parameters, { format });
    } catch (error) {
      throw this.#closed ? closedError() : toStoreError(error, 'read');
    } finally {
      this.#streams.delete(session);
      session.close();
    }
  }

  /**
   * Closes the engine, runs a task and opens it again. Statements and readings that come meanwhile wait. New
   * readings also wait for those under way to end, for two seconds at most: who reads may be about to read
   * or write more before that ends.
   * @returns null, with nothing done, where data are being read all that time
   */
  whileClosed<T>(task: () => Promise<T>): Promise<T | null> {
    this.#assertOpen();
    return this.#closings.run(async () => {
      let goOn = (): void => {};
      this.#closing = new Promise((resolve) => {
        goOn = resolve;
      });
      try {
        const inUse = (): boolean => this.#streams.size > 0 || this.#copies.size > 0;
        for (let waited = 0; inUse() && waited < maxHoldUpMs; waited += 10) await sleep(10);
        return await this.#oneByOne.run(async () => {
          if (inUse()) return null;
          const engine = this.#engine;
          this.#engine = null;
          await engine?.close();
          try {
            return await task();
          } finally {
            await this.#opened();
          }
        });
      } finally {
        this.#closing = null;
        goOn();
      }
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.allSettled(this.#copies);
    await this.#oneByOne.run(async () => {
      for (const session of this.#streams) session.close();
      await this.#engine?.close();
    });
  }

  #run(task: (engine: Engine) => Promise<void>): Promise<void> {
    this.#assertOpen();
    return this.#oneByOne
      .run(async () => task(await this.#opened()))
      .catch((error: unknown) => {
        throw toStoreError(error, 'write');
      });
  }

  /** A session that is counted from its beginning: between its last wait and that nothing else runs. */
  async #session(): Promise<Session> {
    while (this.#engine === null || this.#closing !== null) {
      if (this.#closing === null) await this.#oneByOne.run(() => this.#opened());
      else await this.#closing;
      this.#assertOpen();
    }
    const session = this.#engine.openStream();
    this.#streams.add(session);
    return session;
  }

  async #opened(): Promise<Engine> {
    // Once it was open, what keeps it closed is of the moment: each call tries again.
    this.#engine ??= await this.#open().catch(() => {
      throw new StoreError('store.unavailable', 'The engine could not be opened again');
    });
    return this.#engine;
  }

  #assertOpen(): void {
    if (this.#closed) throw closedError();
  }
}

const closedError = (): StoreError => new StoreError('store.closed', 'The store is closed');

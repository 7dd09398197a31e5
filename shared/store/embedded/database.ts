import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ClickHouseClient, createClient } from '@clickhouse/client';
import { Mutex, makePrivateFolder } from '#shared/runtime';
import {
  bytesOf,
  type Database,
  insertSettings,
  type Rows,
  type StoreQuery,
  silentClient,
} from '../database.ts';
import { StoreError, toStoreError } from '../errors.ts';

/*
 * ClickHouse's engine in this process (chDB). Seen with chdb 3.4, engine 26.7:
 * - Statements, inserts and each fetch of a stream run on libuv's threads; the event loop stays free.
 * - One process binds one data folder; a lock keeps other processes out, and dies with its process.
 * - Several connections to the one folder work side by side. A connection's `SET` stays in force, and the
 *   client's `clickhouse_settings` become such `SET`s, so settings stand in the statements instead.
 * - The client's `query` holds the whole result in memory; only a session's own stream does not.
 */

type ClientConnection = NonNullable<NonNullable<Parameters<typeof createClient>[0]>['connection']>;
type ChdbModule = typeof import('chdb');
type Session = InstanceType<ChdbModule['Session']>;
type ChdbConnection = ReturnType<typeof import('chdb/connection')['createChdbConnection']>;
type StreamChunk = ReturnType<Session['queryStreamBind']> extends AsyncIterable<infer Chunk> ? Chunk : never;
type InsertRaw = ChdbConnection['chdb']['rawInsert'];

export interface EmbeddedOptions {
  /** Folder of the engine's data; made where it is missing, for this user only. */
  readonly folder: string;
}

/** @throws {StoreError} `store.engine_missing`, `store.folder_in_use` */
export async function openEmbeddedDatabase({ folder }: EmbeddedOptions): Promise<Database> {
  const { Session, drainPending, createChdbConnection } = await loadEngine();
  await makePrivateFolder(folder);
  let client: ClickHouseClient;
  let insertRaw: InsertRaw;
  try {
    const connection = createChdbConnection({ path: folder });
    // The same contract, declared twice: chdb types it by its own copy of the client's package.
    client = createClient({ connection: connection as unknown as ClientConnection, ...silentClient });
    insertRaw = connection.chdb.rawInsert;
  } catch {
    throw new StoreError('store.folder_in_use', await whyNotOpened(folder));
  }
  // One connection holds one streaming cursor: each reading gets a session of its own.
  const openStream = (): Session => new Session(folder);
  return new EmbeddedDatabase(client, insertRaw, openStream, drainPending);
}

/** The engine is an optional dependency: a deployment with a ClickHouse server leaves its 540 MB out. */
async function loadEngine() {
  try {
    const { Session, drainPending } = await import('chdb');
    const { createChdbConnection } = await import('chdb/connection');
    return { Session, drainPending, createChdbConnection };
  } catch {
    throw new StoreError(
      'store.engine_missing',
      'The embedded engine is not installed or does not run on this platform (Linux with glibc, macOS). ' +
        'Install it with: npm install chdb. Or configure a ClickHouse server instead',
    );
  }
}

async function whyNotOpened(folder: string): Promise<string> {
  const status = await readFile(join(folder, 'status'), 'utf8').catch(() => '');
  const pid = /^PID: (\d+)$/m.exec(status)?.[1];
  const who = pid === undefined ? 'another process' : `another process (${pid}, by its status file)`;
  return `The data folder cannot be opened: ${who} has it open, or it is not writable for this user`;
}

class EmbeddedDatabase implements Database {
  readonly #client: ClickHouseClient;
  /** Hands bytes to the engine as they are; the client's own way makes one string of statement and rows. */
  readonly #insertRaw: InsertRaw;
  readonly #openStream: () => Session;
  readonly #drain: () => Promise<void>;
  /** The client's connection is one session of the engine, which takes one statement at a time. */
  readonly #oneByOne = new Mutex();
  readonly #streams = new Set<Session>();
  #closed = false;

  constructor(
    client: ClickHouseClient,
    insertRaw: InsertRaw,
    openStream: () => Session,
    drain: () => Promise<void>,
  ) {
    this.#client = client;
    this.#insertRaw = insertRaw;
    this.#openStream = openStream;
    this.#drain = drain;
  }

  command(statement: string): Promise<void> {
    return this.#run(async () => {
      await this.#client.command({ query: statement });
    });
  }

  insert(table: string, columns: readonly string[], rows: Rows, token: string): Promise<void> {
    const settings = insertSettings(token);
    const values = bytesOf(rows);
    return this.#run(async () => {
      await this.#insertRaw({ table, columns, values, settings, format: 'JSONEachRow' });
    });
  }

  async *rows(query: StoreQuery): AsyncGenerator<readonly unknown[]> {
    for await (const chunk of this.#stream(query, 'JSONEachRow')) yield chunk.rows();
  }

  async *lines(query: StoreQuery): AsyncGenerator<Uint8Array> {
    for await (const chunk of this.#stream(query, 'TabSeparatedRaw')) yield chunk.raw();
  }

  async *#stream(query: StoreQuery, format: string): AsyncGenerator<StreamChunk> {
    this.#assertOpen();
    const session = this.#openStream();
    this.#streams.add(session);
    try {
      yield* session.queryStreamBind(query.text, query.parameters, { format });
    } catch (error) {
      throw this.#closed ? closedError() : toStoreError(error, 'read');
    } finally {
      this.#streams.delete(session);
      session.close();
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#oneByOne.run(async () => {
      for (const session of this.#streams) session.close();
      await this.#client.close();
      await this.#drain();
    });
  }

  #run(task: () => Promise<void>): Promise<void> {
    this.#assertOpen();
    return this.#oneByOne.run(task).catch((error: unknown) => {
      throw toStoreError(error, 'write');
    });
  }

  #assertOpen(): void {
    if (this.#closed) throw closedError();
  }
}

const closedError = (): StoreError => new StoreError('store.closed', 'The store is closed');

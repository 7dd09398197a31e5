import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ClickHouseClient, createClient } from '@clickhouse/client';
import { silentClient } from '../database.ts';
import { StoreError } from '../errors.ts';
import type { EncryptedDisk } from './encrypted-disk.ts';
import { withQuickDecay } from './engine-environment.ts';

/*
 * ClickHouse's engine in this process (chDB). Seen with chdb 3.4, engine 26.7:
 * - Statements, inserts and each fetch of a stream run on libuv's threads; the event loop stays free.
 * - One process binds one data folder; a lock keeps other processes out, and dies with its process.
 * - Several connections to the one folder work side by side. A connection's `SET` stays in force, and the
 *   client's `clickhouse_settings` become such `SET`s, so settings stand in the statements instead.
 * - The client's connection takes no arguments of the engine; those of the session that opens it hold for all
 *   that follow. Each opening in one process leaves five threads, fifteen descriptors and 2 MB behind.
 * - The client's `query` holds the whole result in memory; only a session's own stream does not.
 */

type ClientConnection = NonNullable<NonNullable<Parameters<typeof createClient>[0]>['connection']>;
type ChdbModule = typeof import('chdb');
export type Session = InstanceType<ChdbModule['Session']>;
export type StreamChunk =
  ReturnType<Session['queryStreamBind']> extends AsyncIterable<infer Chunk> ? Chunk : never;
type ChdbConnection = ReturnType<typeof import('chdb/connection')['createChdbConnection']>;
type InsertRaw = ChdbConnection['chdb']['rawInsert'];

/** The engine while it is open on its folder. */
export interface Engine {
  readonly client: ClickHouseClient;
  /** Hands bytes to the engine as they are; the client's own way makes one string of statement and rows. */
  readonly insertRaw: InsertRaw;
  /** One connection holds one streaming cursor: each reading gets a session of its own. */
  openStream(): Session;
  /** Lets go of the folder, once all streams are closed. */
  close(): Promise<void>;
}

/**
 * Views are planned with the query that reads them, not each by itself, and no statistics of parts are read:
 * some 5 ms of a lookup. Servers of before these settings would refuse them.
 */
export const lighterPlanning =
  'SET analyzer_inline_views = 1, use_statistics = 0, use_statistics_for_part_pruning = 0';

/** @throws {StoreError} `store.folder_in_use` */
export async function openEngine(chdb: Chdb, folder: string, disk: EncryptedDisk | null): Promise<Engine> {
  const { Session, drainPending, createChdbConnection } = chdb;
  let keeper: Session | undefined;
  try {
    keeper = await disk?.opening(
      (engineArguments) => new Session(folder, { connectionArgs: engineArguments }),
    );
    const connection = createChdbConnection({ path: folder });
    // The same contract, declared twice: chdb types it by its own copy of the client's package.
    const client = createClient({ connection: connection as unknown as ClientConnection, ...silentClient });
    return {
      client,
      insertRaw: connection.chdb.rawInsert,
      openStream() {
        const session = new Session(folder);
        session.query(lighterPlanning);
        return session;
      },
      async close() {
        await client.close();
        keeper?.close();
        await drainPending();
      },
    };
  } catch {
    keeper?.close();
    throw new StoreError('store.folder_in_use', await whyNotOpened(folder));
  }
}

type Chdb = Awaited<ReturnType<typeof loadEngine>>;

/** The engine is an optional dependency: a deployment with a ClickHouse server leaves its 540 MB out. */
export async function loadEngine() {
  try {
    const { Session, drainPending } = await withQuickDecay(() => import('chdb'));
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

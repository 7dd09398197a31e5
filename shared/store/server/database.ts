import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { type ClickHouseClient, createClient } from '@clickhouse/client';
import { type Database, insertStatement, type StoreQuery, silentClient } from '../database.ts';
import { StoreError, toStoreError } from '../errors.ts';

export interface ServerOptions {
  /** `https://host:8443`; plain HTTP is for loopback. */
  readonly url: string;
  readonly username: string;
  readonly password: string;
  readonly database: string;
  /** PEM of the authority that signed the server's certificate, where the system does not know it. */
  readonly caCertificate?: Uint8Array;
}

/** Longest that one request may take: the query's own limit, and some time to say so. */
const requestTimeoutMs = 630_000;

/** A ClickHouse server over HTTP. Nothing is sent before the first statement. */
export function openServerDatabase(options: ServerOptions): Database {
  return new ServerDatabase(
    createClient({
      ...silentClient,
      url: options.url,
      username: options.username,
      password: options.password,
      database: options.database,
      request_timeout: requestTimeoutMs,
      // A statement that ended in an error after its headers were sent must not look like a success.
      clickhouse_settings: { wait_end_of_query: 0, http_write_exception_in_output_format: 0 },
      ...(options.caCertificate === undefined
        ? {}
        : { tls: { ca_cert: Buffer.from(options.caCertificate) } }),
    }),
  );
}

class ServerDatabase implements Database {
  readonly #client: ClickHouseClient;
  #closed = false;

  constructor(client: ClickHouseClient) {
    this.#client = client;
  }

  command(statement: string): Promise<void> {
    return this.#write(async () => {
      await this.#client.command({ query: statement, clickhouse_settings: { wait_end_of_query: 1 } });
    });
  }

  insert(table: string, columns: readonly string[], rows: readonly string[], token: string): Promise<void> {
    const query = insertStatement(table, columns, token);
    return this.#write(async () => {
      const { stream } = await this.#client.exec({
        query,
        values: Readable.from([rows.join('\n')], { objectMode: false }),
        clickhouse_settings: { wait_end_of_query: 1 },
      });
      await finished(stream.resume()); // the answer is empty; its end is the acknowledgement
    });
  }

  async *rows(query: StoreQuery): AsyncGenerator<readonly unknown[]> {
    this.#assertOpen();
    try {
      const result = await this.#client.query({
        query: query.text,
        query_params: { ...query.parameters },
        format: 'JSONEachRow',
      });
      for await (const rows of result.stream()) yield rows.map((row) => row.json());
    } catch (error) {
      throw toStoreError(error, 'read');
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#client.close();
  }

  async #write(task: () => Promise<void>): Promise<void> {
    this.#assertOpen();
    try {
      await task();
    } catch (error) {
      throw toStoreError(error, 'write');
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw new StoreError('store.closed', 'The store is closed');
  }
}

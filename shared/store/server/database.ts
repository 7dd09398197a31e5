import { Readable } from 'node:stream';
import { rootCertificates } from 'node:tls';
import { type ClickHouseClient, createClient } from '@clickhouse/client';
import {
  bytesOf,
  type Database,
  insertStatement,
  type Rows,
  type StoreQuery,
  silentClient,
} from '../database.ts';
import { StoreError, toStoreError } from '../errors.ts';

export interface ServerOptions {
  /** `https://host:8443`; plain HTTP is for loopback. */
  readonly url: string;
  readonly username: string;
  readonly password: string;
  readonly database: string;
  /** PEM of the authority that signed the server's certificate, where the system does not know it. */
  readonly caCertificate?: Uint8Array;
  /** PEM of our own certificate and its key, where the server asks for one. */
  readonly clientCertificate?: { readonly certificate: Uint8Array; readonly key: Uint8Array };
}

/** Longest that one request may take: the query's own limit, and some time to say so. */
const requestTimeoutMs = 630_000;

/**
 * What acknowledged means where tables are replicated or sharded; a single server's tables take no notice.
 * `auto` is a majority of the replicas. A shard that is asked through a Distributed table answers before we
 * do, and gets the deduplication token and the quorum with its part of the rows.
 */
const quorumSettings = {
  insert_quorum: 'auto',
  insert_quorum_timeout: 60_000,
  distributed_foreground_insert: 1,
} as const;
const insertSettings = { wait_end_of_query: 1, ...quorumSettings } as const;

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
      ...tlsOf(options),
    }),
  );
}

/** The client takes a certificate of our own only beside an authority's; without one, the system's are meant. */
function tlsOf({ caCertificate, clientCertificate }: ServerOptions) {
  if (caCertificate === undefined && clientCertificate === undefined) return {};
  const ca_cert = Buffer.from(caCertificate ?? rootCertificates.join('\n'));
  if (clientCertificate === undefined) return { tls: { ca_cert } };
  const { certificate, key } = clientCertificate;
  return { tls: { ca_cert, cert: Buffer.from(certificate), key: Buffer.from(key) } };
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

  insert(table: string, columns: readonly string[], rows: Rows, token: string): Promise<void> {
    const query = insertStatement(table, columns, token);
    return this.#write(async () => {
      const { stream } = await this.#client.exec({
        query,
        values: Readable.from([bytesOf(rows)], { objectMode: false }),
        clickhouse_settings: insertSettings,
      });
      await readAcknowledgement(stream);
    });
  }

  copy(statement: StoreQuery): Promise<void> {
    return this.#write(async () => {
      await this.#client.command({
        query: statement.text,
        query_params: { ...statement.parameters },
        clickhouse_settings: { wait_end_of_query: 1, ...quorumSettings },
      });
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

  async *lines(query: StoreQuery): AsyncGenerator<Uint8Array> {
    this.#assertOpen();
    try {
      const result = await this.#client.query({
        query: query.text,
        query_params: { ...query.parameters },
        format: 'TabSeparatedRaw',
      });
      // By rows, and not as the bytes come: the client sees an exception that ends them.
      for await (const rows of result.stream()) {
        yield Buffer.from(rows.map(({ text }) => `${text}\n`).join(''));
      }
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

/**
 * The answer to an insert is empty, and its end is the acknowledgement. One that has something in it is an
 * exception that came after the headers had said 200; taken for an acknowledgement it would lose the rows.
 */
async function readAcknowledgement(answer: AsyncIterable<Buffer>): Promise<void> {
  let head = '';
  for await (const chunk of answer) {
    if (head.length < 4096) head += chunk.toString('latin1');
  }
  if (head !== '') throw new Error(head.slice(Math.max(0, head.search(/Code: \d{1,5}\. DB::/))));
}

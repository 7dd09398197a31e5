import { ClickHouseLogLevel } from '@clickhouse/client';

/** A query exactly as it is run: the text, and the values bound to its `{name:Type}` parameters. */
export interface StoreQuery {
  readonly text: string;
  readonly parameters: Readonly<Record<string, string | number | readonly string[]>>;
}

/** Rows to insert, as texts or as the bytes of all of them. */
export type Rows = readonly string[] | Uint8Array;

/** What the store needs of ClickHouse. Adapters: `embedded/` (chDB, in process) and `server/`. */
export interface Database {
  /** Runs one statement that gives no rows. */
  command(statement: string): Promise<void>;
  /**
   * Inserts rows in one block per partition. Resolves once they are durable. Replicated tables take the same
   * token with the same rows once; others may hold them twice.
   * Times may be in ClickHouse's own form or in RFC 3339.
   * @param rows JSON objects by column name; as bytes each ends with a line feed, and they must not change
   * before the insert is done.
   */
  insert(table: string, columns: readonly string[], rows: Rows, deduplicationToken: string): Promise<void>;
  /**
   * Rows of a query as they come, in groups; leaving the loop cancels the query.
   * @throws {StoreError} like every method here
   */
  rows(query: StoreQuery): AsyncIterable<readonly unknown[]>;
  /**
   * A query's one column of text without line feeds, as bytes: each piece is whole lines, one a row. Leaving
   * the loop cancels the query.
   */
  lines(query: StoreQuery): AsyncIterable<Uint8Array>;
  /**
   * Runs a statement that copies rows from table to table within the engine, with values bound to its
   * parameters. Rows of a statement that was cut off may be there. Other statements go on meanwhile.
   */
  copy(statement: StoreQuery): Promise<void>;
  /** Waits for what is running, then lets go of the engine. */
  close(): Promise<void>;
}

/** The client's own log quotes queries, values and errors on the console by default. It says nothing here. */
export const silentClient = { log: { level: ClickHouseLogLevel.OFF } } as const;

/** The bytes of all rows. */
export function bytesOf(rows: Rows): Buffer {
  if (!(rows instanceof Uint8Array)) return Buffer.from(`${rows.join('\n')}\n`);
  return Buffer.isBuffer(rows) ? rows : Buffer.from(rows.buffer, rows.byteOffset, rows.byteLength);
}

/** Settings of an insert. They stand in its statement, where they hold for it alone. */
export function insertSettings(deduplicationToken: string): Readonly<Record<string, string | number>> {
  if (!/^[A-Za-z0-9_-]{1,128}$/.test(deduplicationToken)) {
    throw new RangeError('a deduplication token is 1 to 128 letters, digits, hyphens or underscores');
  }
  return {
    async_insert: 0, // acknowledged means written, not queued
    insert_deduplicate: 1,
    insert_deduplication_token: deduplicationToken,
    // A batch that is repeated because its index was cut off is in the table, and its index must come.
    deduplicate_blocks_in_dependent_materialized_views: 1,
    max_partitions_per_insert_block: 0, // the ingester bounds the days that a batch may hold
    date_time_input_format: 'best_effort', // takes RFC 3339
    input_format_skip_unknown_fields: 0, // a member without a column would be lost without a word
    input_format_null_as_default: 0,
  };
}

/** `INSERT` of rows that follow as JSON objects. */
export function insertStatement(
  table: string,
  columns: readonly string[],
  deduplicationToken: string,
): string {
  const settings = Object.entries(insertSettings(deduplicationToken)).map(
    ([name, value]) => `${name} = ${typeof value === 'number' ? value : `'${value}'`}`,
  );
  return `INSERT INTO ${table} (${columns.join(', ')}) SETTINGS ${settings.join(', ')} FORMAT JSONEachRow`;
}

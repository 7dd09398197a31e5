import { ClickHouseLogLevel } from '@clickhouse/client';

/** A query exactly as it is run: the text, and the values bound to its `{name:Type}` parameters. */
export interface StoreQuery {
  readonly text: string;
  readonly parameters: Readonly<Record<string, string | number | readonly string[]>>;
}

/** What the store needs of ClickHouse. Adapters: `embedded/` (chDB, in process) and `server/`. */
export interface Database {
  /** Runs one statement that gives no rows. */
  command(statement: string): Promise<void>;
  /**
   * Inserts rows in one block per partition. Resolves once they are durable. The same token again, with
   * the same rows, inserts nothing.
   * @param rows JSON objects by column name.
   */
  insert(
    table: string,
    columns: readonly string[],
    rows: readonly string[],
    deduplicationToken: string,
  ): Promise<void>;
  /**
   * Rows of a query as they come, in groups; leaving the loop cancels the query.
   * @throws {StoreError} like every method here
   */
  rows(query: StoreQuery): AsyncIterable<readonly unknown[]>;
  /** Waits for what is running, then lets go of the engine. */
  close(): Promise<void>;
}

/** The client's own log quotes queries, values and errors on the console by default. It says nothing here. */
export const silentClient = { log: { level: ClickHouseLogLevel.OFF } } as const;

/** `INSERT` with its settings in the statement, where they hold for it alone. */
export function insertStatement(
  table: string,
  columns: readonly string[],
  deduplicationToken: string,
): string {
  if (!/^[A-Za-z0-9_-]{1,128}$/.test(deduplicationToken)) {
    throw new RangeError('a deduplication token is 1 to 128 letters, digits, hyphens or underscores');
  }
  const settings = [
    'async_insert = 0', // acknowledged means written, not queued
    'insert_deduplicate = 1',
    `insert_deduplication_token = '${deduplicationToken}'`,
    'max_partitions_per_insert_block = 0', // the ingester bounds the days that a batch may hold
  ];
  return `INSERT INTO ${table} (${columns.join(', ')}) SETTINGS ${settings.join(', ')} FORMAT JSONEachRow`;
}

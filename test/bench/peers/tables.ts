import type { Database } from '#shared/store';

/*
 * Tables of the embedded engine that hold the same events: `staging`, from which the others are filled, and
 * the plain one: the columns of `traffic` in the order of time with nothing to find an identifier by.
 */

export const plainTable = 'traffic_plain';

export interface Column {
  readonly name: string;
  readonly type: string;
}

/** Rows of a query. */
export async function rowsOf<Row>(database: Database, text: string): Promise<Row[]> {
  const found: Row[] = [];
  for await (const rows of database.rows({ text, parameters: {} })) found.push(...(rows as Row[]));
  return found;
}

/** @returns the columns of an event as they are read, however they are kept */
export async function makeTables(database: Database): Promise<readonly Column[]> {
  const columns = await rowsOf<Column & { codec: string }>(
    database,
    `SELECT name, type, kept.compression_codec AS codec FROM system.columns AS shown
     LEFT JOIN (SELECT name, compression_codec FROM system.columns
       WHERE database = currentDatabase() AND table = 'traffic') AS kept USING name
     WHERE database = currentDatabase() AND table = 'traffic_retained' ORDER BY position`,
  );
  const list = columns
    .map(({ name, type, codec }) => {
      // The generator gives it as hex digits, in the column that `traffic` takes them by.
      if (name === 'eventId')
        return `eventIdHex String EPHEMERAL, eventId ${type} DEFAULT unhex(eventIdHex) CODEC(NONE)`;
      return `${name} ${type} ${codec === '' ? 'CODEC(ZSTD(1))' : codec}`;
    })
    .join(', ');
  const days = 'ENGINE = MergeTree PARTITION BY toDate(collectedAt)';
  await database.command(`CREATE TABLE staging (${list}) ${days} ORDER BY tuple()`);
  await database.command(`CREATE TABLE ${plainTable} (${list}) ${days} ORDER BY (occurredAt, eventId)`);
  return columns.map(({ name, type }) => ({ name, type }));
}

/**
 * Fills a table from `staging` day by day, until it and what is filled with it are merged, as they are after
 * a while.
 * @returns seconds
 */
export async function fillFromStaging(
  database: Database,
  [table = '', ...beside]: readonly string[],
  columns: readonly Column[],
): Promise<number> {
  const days = await rowsOf<{ day: string }>(
    database,
    `SELECT DISTINCT toString(toDate(collectedAt)) AS day FROM staging ORDER BY day`,
  );
  const into = columns.map(({ name }) => (name === 'eventId' ? 'eventIdHex' : name)).join(', ');
  const from = columns.map(({ name }) => (name === 'eventId' ? 'lower(hex(eventId))' : name)).join(', ');
  const started = performance.now();
  for (const { day } of days) {
    await database.command(
      `INSERT INTO ${table} (${into}) SELECT ${from} FROM staging WHERE toDate(collectedAt) = '${day}'`,
    );
  }
  for (const name of [table, ...beside]) await database.command(`OPTIMIZE TABLE ${name} FINAL`);
  return (performance.now() - started) / 1000;
}

/** What tables take on the disk. */
export async function bytesOf(database: Database, tables: readonly string[]): Promise<number> {
  const [row] = await rowsOf<{ bytes: string }>(
    database,
    `SELECT toString(sum(bytes_on_disk)) AS bytes FROM system.parts
     WHERE database = currentDatabase() AND table IN ('${tables.join("', '")}') AND active`,
  );
  return Number(row?.bytes);
}

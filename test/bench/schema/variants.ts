import type { Migration } from '#shared/store';
import { statementsOf } from '../../../shared/store/migrations-topology.ts';

/*
 * The schemas that were compared. Each has the columns of `traffic` in a database of its own name; what
 * differs is how an identifier is found in it.
 */

export interface Variant {
  readonly name: string;
  readonly title: string;
  /** Statements that make its tables, in the database that is named after it. */
  statements(migrations: readonly Migration[]): readonly string[];
  /** Rewrites the product's query for it. */
  query(text: string): string;
}

/** The product's own statements, in another database; a table beside the main one only where it is wanted. */
function product(migrations: readonly Migration[], database: string): string[] {
  const installation = {
    topology: { topology: 'single' as const },
    // Nothing generated ever expires while it is measured.
    retention: { months: 24 },
    database,
    definer: 'default',
  };
  return [
    `CREATE DATABASE IF NOT EXISTS ${database}`,
    ...migrations.flatMap(({ sql }) => statementsOf(sql, installation)),
  ];
}

const isMain = (statement: string): boolean =>
  /^CREATE (DATABASE|TABLE \S+ \S+ \S+ \w+\.traffic\s|OR REPLACE VIEW \w+\.traffic_retained\s)/.test(
    statement,
  );

/** The main table, changed, and the view of it. */
function mainTable(name: string, change: (statement: string) => string) {
  return (migrations: readonly Migration[]): string[] =>
    product(migrations, name)
      .filter(isMain)
      .map((statement) => change(statement));
}

const minutes = /^ {2}AND \(toDate\([\s\S]*?(?=^ {2}AND t\.collectedAt)/m;

/** Without the index of minutes. */
const overTable =
  (name: string) =>
  (text: string): string =>
    text.replace(minutes, '').replaceAll('traffic_retained', `${name}.traffic_retained`);

const withMembers =
  (members: readonly string[]) =>
  (statement: string): string =>
    inTableOf(statement, /(sourcePosition[^\n]*)\n\)/, `$1,\n    ${members.join(',\n    ')}\n)`);

/** Changes the table's statement, and leaves the others. A layout that changes nothing would pass for the bare one. */
function inTableOf(statement: string, what: string | RegExp, instead: string): string {
  if (!statement.startsWith('CREATE TABLE')) return statement;
  const changed = statement.replace(what, instead);
  if (changed === statement) throw new Error(`the table's statement has no ${String(what)}`);
  return changed;
}

const names = [
  'senderAddress',
  'recipientAddress',
  'recipientOriginalAddress',
  'senderUser',
  'recipientUser',
];
const ips = ['senderIp', 'originHostIp', 'deliveryHostIp', 'clientIp', 'proxyIp'];
/** As the table has it. */
const inTable = (expression: string): string =>
  expression.replace('originHostIp', 'if(originHostIsSender, senderIp, originHostIpApart)');
const hosts = ['originHostName', 'deliveryHostName'];
/** Each column as the product's queries compare it. */
const compared = [...[...names, ...hosts].map((column) => `lower(${column})`), ...ips, 'messageId'];

const blind = [
  'senderIp',
  'senderAddress',
  'senderUser',
  'originHostName',
  'recipientAddress',
  'recipientUser',
  'clientIp',
  'messageId',
];

/** The table that the others are filled from. */
export const source = 'plain';
export const sourceStatements = mainTable(source, (statement) => statement);

export const variants: readonly Variant[] = [
  {
    name: 'minutes',
    title: 'index table: identifier and minute (the product)',
    statements: (migrations) => product(migrations, 'minutes'),
    query: (text) =>
      text
        .replaceAll('traffic_retained', 'minutes.traffic_retained')
        .replaceAll('traffic_index_retained', 'minutes.traffic_index_retained'),
  },
  {
    name: 'bare',
    title: 'ordered by time, nothing else',
    statements: mainTable('bare', (statement) => statement),
    query: overTable('bare'),
  },
  {
    name: 'bloom',
    title: 'a bloom filter for each column',
    statements: mainTable(
      'bloom',
      withMembers(
        compared.map(
          (column, n) => `INDEX bloom${n} ${inTable(column)} TYPE bloom_filter(0.01) GRANULARITY 1`,
        ),
      ),
    ),
    query: overTable('bloom'),
  },
  {
    name: 'projections',
    title: 'a projection of row numbers for four columns',
    statements: mainTable(
      'projections',
      withMembers(
        ['senderAddress', 'recipientAddress', 'senderIp', 'clientIp'].map(
          (column) =>
            `PROJECTION by_${column} (SELECT _part_offset ORDER BY ${ips.includes(column) ? column : `lower(${column})`})`,
        ),
      ),
    ),
    query: overTable('projections'),
  },
  {
    name: 'by_mailbox',
    title: 'ordered by a main identifier',
    statements: mainTable('by_mailbox', (statement) =>
      inTableOf(
        statement,
        'ORDER BY (occurredAt,',
        "ORDER BY (lower(multiIf(recipientUser != '', recipientUser, recipientAddress != '', recipientAddress, senderAddress)), occurredAt,",
      ),
    ),
    query: overTable('by_mailbox'),
  },
  {
    name: 'text_index',
    title: 'text index over all identifiers',
    statements: mainTable(
      'text_index',
      withMembers([`INDEX words [${compared.map(inTable).join(', ')}] TYPE text(tokenizer = 'array')`]),
    ),
    query: (text) =>
      overTable('text_index')(text).replace(
        '\nORDER BY',
        `\n  AND has([${compared.map((column) => column.replace(/(\w+)(\)?)$/, 't.$1$2')).join(', ')}], {target0:String})\nORDER BY`,
      ),
  },
  {
    name: 'day_keys',
    title: 'identifying columns encrypted under a key a day, keyed blind indexes by minute',
    statements: (migrations) => [
      ...mainTable('day_keys', (statement) => statement)(migrations),
      `CREATE TABLE IF NOT EXISTS day_keys.source AS day_keys.traffic ENGINE = Null`,
      `CREATE MATERIALIZED VIEW IF NOT EXISTS day_keys.encrypting TO day_keys.traffic AS SELECT * REPLACE(${blind
        .map(
          (column) =>
            `if(${column} = '', '', encrypt('aes-128-ctr', ${column}, substring(SHA256(toString(toDate(collectedAt))), 1, 16), substring(SHA256(concat(sourceId, sourcePosition)), 1, 16))) AS ${column}`,
        )
        .join(', ')}) FROM day_keys.source`,
      `CREATE TABLE IF NOT EXISTS day_keys.blind (day Date, key UInt64 CODEC(Delta(8), ZSTD(1)), minute DateTime('UTC') CODEC(Delta(4), ZSTD(1))) ENGINE = ReplacingMergeTree PARTITION BY day ORDER BY (key, minute) SETTINGS index_granularity = 1024, min_compress_block_size = 16384`,
      `CREATE MATERIALIZED VIEW IF NOT EXISTS day_keys.blinding TO day_keys.blind AS SELECT DISTINCT toDate(collectedAt) AS day, arrayJoin(arrayMap(x -> bitAnd(reinterpretAsUInt64(SHA256(concat(toString(day), x))), 1099511627775), arrayDistinct(arrayFilter(x -> x != '', [${compared.map(inTable).join(', ')}])))) AS key, toStartOfMinute(occurredAt) AS minute FROM day_keys.source`,
    ],
    // A lookup asks with each day's key, opens what it found and compares.
    query: (text) =>
      text
        .replace(
          minutes,
          `  AND toStartOfMinute(t.occurredAt) IN (SELECT minute FROM day_keys.blind WHERE (day, key) IN (SELECT toDate('2026-01-01') + number AS d, bitAnd(reinterpretAsUInt64(SHA256(concat(toString(d), {target0:String}))), 1099511627775) FROM numbers(184)))\n`,
        )
        .replaceAll(
          'traffic_retained',
          `(SELECT * REPLACE(${blind
            .map(
              (column) =>
                `if(${column} = '', '', decrypt('aes-128-ctr', ${column}, substring(SHA256(toString(toDate(collectedAt))), 1, 16), substring(SHA256(concat(sourceId, sourcePosition)), 1, 16))) AS ${column}`,
            )
            .join(', ')}) FROM day_keys.traffic_retained)`,
        ),
  },
];

/** Where a variant's rows are put in, and the parts that count as its size. */
export const sourceTable = (variant: Variant): string => (variant.name === 'day_keys' ? 'source' : 'traffic');

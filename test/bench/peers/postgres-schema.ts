import { type TargetKind, targetFields } from '#shared/orders';
import type { Column } from './tables.ts';

/*
 * The traffic table as an operator of PostgreSQL would make it: the same columns, absent text is NULL, and one
 * B-tree for each field that an order can name, without absent values, in lower case where Griffie compares so.
 */

const typeOf = (column: Column): string => {
  const type = column.type.replace(/^(?:LowCardinality|Nullable)\((.*)\)$/, '$1');
  if (type === 'String') return 'text';
  if (type === 'Bool') return 'boolean';
  if (type === 'UInt64') return 'bigint';
  if (type.startsWith('UInt')) return 'integer';
  if (type.startsWith('DateTime64(3')) return 'timestamptz(3)';
  if (type === 'FixedString(16)') return 'uuid';
  throw new Error(`no type of PostgreSQL is known for ${column.name} ${type}`);
};

export function createTable(columns: readonly Column[]): string {
  return `CREATE TABLE traffic (${columns.map((column) => `"${column.name}" ${typeOf(column)}`).join(', ')});`;
}

const folded: readonly TargetKind[] = ['address', 'user', 'host'];
const exact: readonly TargetKind[] = ['ip', 'messageId'];
const fieldsOf = (kinds: readonly TargetKind[]): string[] => [
  ...new Set(kinds.flatMap((kind) => targetFields[kind])),
];

/** An index for each identifier. */
export const createIndexes: readonly string[] = [
  ...fieldsOf(folded).map((field) => [`lower("${field}")`, field] as const),
  ...fieldsOf(exact).map((field) => [`"${field}"`, field] as const),
].map(([expression, field]) => `CREATE INDEX ON traffic (${expression}) WHERE "${field}" IS NOT NULL;`);

/** Everything of an address. */
export function selectByAddress(address: string): string {
  const value = `'${address.replaceAll("'", "''")}'`;
  const anyOf = targetFields.address.map((field) => `lower("${field}") = ${value}`);
  return `SELECT * FROM traffic WHERE ${anyOf.join(' OR ')} ORDER BY "occurredAt", "eventId"`;
}

import type { Scope } from '#shared/orders';
import { type EventType, grantedFields, type TrafficEvent, typesOfCategories } from '#shared/traffic';
import { type Kind, storedFields } from './columns.ts';
import type { StoreQuery } from './database.ts';
import { type ByIndex, type HeldSource, Parameters, scoped, settingsOf, source } from './query.ts';
import type { RetentionPeriod } from './retention.ts';

/*
 * Released records as the engine writes them: one line of JSON each, with the fields that are granted for
 * the record's type, in the schema's order. A property test holds the lines against `projectToCategories`
 * and `JSON.stringify`, and every line is held against `ReleasedForm` before it leaves.
 */

/** Lines that come at a time, at most. */
export const linesPerPiece = 1024;

/**
 * Bounds of a release, which must not take the store from ingestion: one thread, and memory for one slice
 * (`slices.ts`), sorted in memory, because reading in the table's order keeps a block of every day open.
 */
const releaseSettings = {
  max_threads: 1,
  max_memory_usage: 600_000_000,
  optimize_read_in_order: 0,
  max_block_size: linesPerPiece,
  output_format_json_escape_forward_slashes: 0, // as `JSON.stringify`
  output_format_parallel_formatting: 0, // takes three threads and a tenth more for one column of text
};

/** The scope's records as lines in one column, ordered by `occurredAt`, then `eventId`. */
export function releasedQuery(
  scope: Scope,
  now: number,
  period: RetentionPeriod,
  byIndex: ByIndex = 'by index',
  holds: readonly HeldSource[] = [],
): StoreQuery {
  const parameters = new Parameters();
  const text = `${scoped(parameters, `${line(scope)} AS line`, scope, now, period, byIndex, holds)}
SETTINGS ${settingsOf(releaseSettings)}`;
  return { text, parameters: parameters.values };
}

/**
 * How many rows lie in each interval of `occurredAt` that has any: `slot` counts intervals from the scope's
 * beginning. Copies count as often as they are there.
 * @param widthMs of an interval
 */
export function spreadQuery(
  scope: Scope,
  widthMs: number,
  now: number,
  period: RetentionPeriod,
  holds: readonly HeldSource[] = [],
): StoreQuery {
  const parameters = new Parameters();
  const from = parameters.time('spreadFrom', scope.from);
  const width = parameters.whole('spreadWidth', widthMs);
  const text = `SELECT intDiv(toUnixTimestamp64Milli(t.occurredAt) - toUnixTimestamp64Milli(${from}), ${width}) AS slot, count() AS rows
${source(parameters, scope, now, period, 'by index', holds)}
GROUP BY slot
ORDER BY slot
SETTINGS ${settingsOf(releaseSettings)}`;
  return { text, parameters: parameters.values };
}

/** Which of these events the scope has: the same as `releasedQuery` gives. */
export function presentQuery(
  scope: Scope,
  ids: readonly string[],
  now: number,
  period: RetentionPeriod,
  holds: readonly HeldSource[] = [],
): StoreQuery {
  const parameters = new Parameters();
  const text = `SELECT DISTINCT lower(hex(t.eventId)) AS eventId
${source(parameters, scope, now, period, 'by index', holds)}
  ${holds.length === 0 ? 'AND' : 'WHERE'} has(${parameters.texts('eventIds', ids)}, lower(hex(t.eventId)))
SETTINGS ${settingsOf(releaseSettings)}`;
  return { text, parameters: parameters.values };
}

function line({ categories }: Scope): string {
  const granted = typesOfCategories(categories).map((type) => ({
    type,
    fields: grantedFields(type, categories),
  }));
  const members = storedFields.flatMap(([field, kind], index) => {
    const types = granted.filter(({ fields }) => fields.has(field)).map(({ type }) => type);
    if (types.length === 0) return [];
    const all = types.length === granted.length;
    return [member(field, kind, index === 0 ? '{' : ',', all ? null : types)];
  });
  return `concat(${members.join(',\n  ')}, '}')`;
}

/** A member with what stands before it, or nothing where the row has none or it is not granted. */
function member(
  field: keyof TrafficEvent,
  kind: Kind,
  before: string,
  types: readonly EventType[] | null,
): string {
  const column = `t.${field}`;
  const named = (value: string): string => `concat('${before}"${field}":', ${value})`;
  // The types are words of our own, never a person's.
  const granted = types === null ? [] : [`t.type IN (${types.map((type) => `'${type}'`).join(', ')})`];
  const where = (present: readonly string[], value: string): string => {
    const all = [...granted, ...present];
    return all.length === 0 ? value : `if(${all.join(' AND ')}, ${value}, '')`;
  };
  switch (kind) {
    case 'id':
      return where([], named(`concat('"', lower(hex(${column})), '"')`));
    case 'time':
      return where([], named(`concat('"', replaceOne(toString(${column}), ' ', 'T'), 'Z"')`));
    case 'text':
      return where([`${column} != ''`], named(`toJSONString(${column})`));
    case 'number':
      return where([`${column} != 0`], named(`toString(${column})`));
    case 'count':
      return where([`isNotNull(${column})`], named(`toString(assumeNotNull(${column}))`));
    case 'mark':
      return where([column], `'${before}"${field}":true'`);
    case 'flag':
      return where([`isNotNull(${column})`], named(`if(assumeNotNull(${column}), 'true', 'false')`));
  }
}

import { type Scope, type Target, targetFields } from '#shared/orders';
import { asciiLower, splitAddress, subaddressDelimiter, typesOfCategories } from '#shared/traffic';
import { selectList, storedColumns, storeTime } from './columns.ts';
import type { StoreQuery } from './database.ts';
import { hashedKey, lookupKey } from './lookup.ts';
import { expiredUpTo, type RetentionPeriod } from './retention.ts';

/*
 * The one place where reads of the traffic table are written. They go through a view that has the retention
 * bound by the server's clock (0003, 0004), and have the bound by their caller's clock; every
 * read of records has the scope and sees each event once. Values are bound as parameters, never written
 * into the text.
 */

/** Limits of one query: a fault of one reader must not take the store from everybody else. */
export const queryLimits = {
  seconds: 600,
  memoryBytes: 2_000_000_000,
  threads: 2,
} as const;

const bounds: Readonly<Record<string, string | number>> = {
  readonly: 2,
  max_execution_time: queryLimits.seconds,
  timeout_overflow_mode: "'throw'",
  max_memory_usage: queryLimits.memoryBytes,
  max_threads: queryLimits.threads,
  // Its threads read for themselves: to hand 90 small reads of a lookup to others takes longer than they do.
  local_filesystem_read_method: "'pread'",
  optimize_read_in_order: 1, // the table's own order: rows stream, nothing is sorted in memory
  max_block_size: 4096, // also how many rows come at a time
  log_queries: 0, // parameters are personal data, and the query log is not one of the two stores
};

/** The settings of every read, with others in their place or besides. */
export function settingsOf(others: Readonly<Record<string, string | number>> = {}): string {
  return Object.entries({ ...bounds, ...others })
    .map(([name, value]) => `${name} = ${value}`)
    .join(', ');
}

/** Collects values under names of its own making, and gives the placeholder for each. */
export class Parameters {
  readonly values: Record<string, string | number | readonly string[]> = {};

  text(name: string, value: string): string {
    return this.#bind(name, 'String', value);
  }

  texts(name: string, value: readonly string[]): string {
    return this.#bind(name, 'Array(String)', value);
  }

  /** @param value a number, or decimal digits of one that JavaScript cannot hold */
  whole(name: string, value: string | number): string {
    return this.#bind(name, 'UInt64', value);
  }

  integer(name: string, value: number): string {
    return this.#bind(name, 'UInt8', value);
  }

  time(name: string, rfc3339: string): string {
    return this.#bind(name, "DateTime64(3, 'UTC')", storeTime(rfc3339));
  }

  #bind(name: string, type: string, value: string | number | readonly string[]): string {
    this.values[name] = value;
    return `{${name}:${type}}`;
  }
}

const utc = (milliseconds: number): string => new Date(milliseconds).toISOString();

/** `isRetained` in SQL. The first condition only lets the engine leave out whole days. */
export function retained(parameters: Parameters, now: number, period: RetentionPeriod): string {
  const expired = parameters.time('expiredUpTo', utc(expiredUpTo(now, period)));
  const months = parameters.integer('retentionMonths', period.months);
  const at = parameters.time('now', utc(now));
  return `t.collectedAt > ${expired} AND addMonths(t.collectedAt, ${months}) > ${at}`;
}

/** Whether the index is asked in which minutes to look. It changes what is read, never what is found. */
export type ByIndex = 'by index' | 'all minutes';

/** `eventInScope` of shared/orders in SQL; a property test holds one against the other. */
export function inScope(parameters: Parameters, scope: Scope, byIndex: ByIndex): string {
  const targets = scope.targets.map((target, index) => matches(parameters, target, `target${index}`));
  return [
    `t.occurredAt >= ${parameters.time('from', scope.from)}`,
    `t.occurredAt < ${parameters.time('to', scope.to)}`,
    ...(byIndex === 'by index'
      ? [`(toDate(t.collectedAt), toStartOfMinute(t.occurredAt)) GLOBAL IN (${minutes(parameters, scope)})`]
      : []),
    `t.collectedAt <= ${parameters.time('collectedUpTo', scope.collectedUpTo)}`,
    `t.type IN ${parameters.texts('types', typesOfCategories(scope.categories))}`,
    targets.length === 0 ? 'false' : `(${targets.join(' OR ')})`,
  ].join('\n  AND ');
}

/**
 * The days of collection and minutes in which anything of the targets is to be found. Leaves out what cannot
 * match, and decides nothing. Global, because the minutes of all shards are found before each shard reads its own.
 */
function minutes(parameters: Parameters, { targets, from, to }: Scope): string {
  const keys = targets.map((target, index) => {
    const key = lookupKey(target);
    const name = `key${index}`;
    return 'text' in key
      ? `key = ${hashedKey(parameters.text(name, key.text))}`
      : `key BETWEEN ${parameters.whole(`${name}First`, key.first)} AND ${parameters.whole(`${name}Last`, key.last)}`;
  });
  const where = keys.length === 0 ? 'false' : `(${keys.join(' OR ')})`;
  return `SELECT day, toDateTime(minute * 60, 'UTC') FROM traffic_index_retained
    WHERE ${where}${isNarrow(from, to) ? ` AND ${between(parameters, from, to)}` : ''}`;
}

/** In a wide window there is little to leave out, and 2 ms of the planning of a lookup to be saved. */
function isNarrow(from: string, to: string): boolean {
  return Date.parse(to) - Date.parse(from) < 32 * 86_400_000;
}

function between(parameters: Parameters, from: string, to: string): string {
  const first = parameters.whole('firstMinute', minuteOf(from));
  return `minute BETWEEN ${first} AND ${parameters.whole('lastMinute', minuteOf(to))}`;
}

/** Minutes since 1970, as the index has them; what is before has none. */
const minuteOf = (rfc3339: string): number => Math.max(Math.floor(Date.parse(rfc3339) / 60_000), 0);

/** `targetMatches` in SQL. `lower` is ASCII only, as `asciiLower` is; an absent field is '' and is no match. */
function matches(parameters: Parameters, target: Target, name: string): string {
  const columns = targetFields[target.kind].map((field) => `t.${field}`);
  const anyOf = (condition: (column: string) => string): string => columns.map(condition).join(' OR ');
  switch (target.kind) {
    case 'ip':
    case 'messageId': {
      const value = parameters.text(name, target.value);
      return anyOf((column) => `${column} = ${value}`);
    }
    case 'prefix': {
      const prefix = parameters.text(name, target.value);
      return anyOf((column) => `if(${column} = '', false, isIPAddressInRange(${column}, ${prefix}))`);
    }
    case 'domain': {
      const ending = parameters.text(name, `@${target.value}`);
      return anyOf((column) => `endsWith(lower(${column}), ${ending})`);
    }
    case 'address':
    case 'user':
    case 'host': {
      const wanted = asciiLower(target.value);
      const value = parameters.text(name, wanted);
      const exact = anyOf((column) => `lower(${column}) = ${value}`);
      if (target.subaddresses !== true) return exact;
      const { local, domain } = splitAddress(wanted);
      const start = parameters.text(`${name}Start`, `${local}${subaddressDelimiter}`);
      const end = parameters.text(`${name}End`, `@${domain}`);
      const below = anyOf(
        (column) => `startsWith(lower(${column}), ${start}) AND endsWith(lower(${column}), ${end})`,
      );
      return `${exact} OR ${below}`;
    }
  }
}

/** What a row must satisfy: still retained, and in scope. */
export function conditions(
  parameters: Parameters,
  scope: Scope,
  now: number,
  period: RetentionPeriod,
  byIndex: ByIndex = 'by index',
): string {
  return `${retained(parameters, now, period)}
  AND ${inScope(parameters, scope, byIndex)}`;
}

/** A hold that may be read: the order that keeps, and the last instant (RFC 3339) at which it may. */
export interface HeldSource {
  readonly orderId: string;
  readonly until: string;
}

/** Where rows in scope are read: the traffic, and what is held for who asks; nothing of a hold that is over. */
export function source(
  parameters: Parameters,
  scope: Scope,
  now: number,
  period: RetentionPeriod,
  byIndex: ByIndex,
  holds: readonly HeldSource[],
): string {
  const live = `FROM traffic_retained AS t\nWHERE ${conditions(parameters, scope, now, period, byIndex)}`;
  if (holds.length === 0) return live;
  return `FROM (
SELECT ${storedColumns}
${live}
UNION ALL
SELECT ${storedColumns}
FROM held_traffic_readable AS t
WHERE (${heldBy(parameters, now, holds)})
  AND ${inScope(parameters, scope, 'all minutes')}
) AS t`;
}

/** Rows of these holds, each until its end. */
function heldBy(parameters: Parameters, now: number, holds: readonly HeldSource[]): string {
  const at = parameters.time('now', utc(now));
  return holds
    .map(({ orderId, until }, index) => {
      const id = `toUUID(${parameters.text(`hold${index}`, orderId)})`;
      return `t.orderId = ${id} AND ${at} <= ${parameters.time(`hold${index}Until`, until)}`;
    })
    .join(' OR ');
}

/** Rows in scope in the order of time, each event once: the copy that was collected first. */
export function scoped(
  parameters: Parameters,
  select: string,
  scope: Scope,
  now: number,
  period: RetentionPeriod,
  byIndex: ByIndex = 'by index',
  holds: readonly HeldSource[] = [],
): string {
  return `SELECT ${select}
${source(parameters, scope, now, period, byIndex, holds)}
ORDER BY t.occurredAt, t.eventId, t.collectedAt
LIMIT 1 BY t.eventId`;
}

/** The records in scope, ordered by `occurredAt`, then `eventId`. */
export function scopeQuery(
  scope: Scope,
  now: number,
  period: RetentionPeriod,
  holds: readonly HeldSource[] = [],
): StoreQuery {
  const parameters = new Parameters();
  const text = `${scoped(parameters, selectList, scope, now, period, 'by index', holds)}\nSETTINGS ${settingsOf()}`;
  return { text, parameters: parameters.values };
}

/** How many records `scopeQuery` gives, by event type. Reads what the conditions are about, and no record. */
export function countQuery(
  scope: Scope,
  now: number,
  period: RetentionPeriod,
  holds: readonly HeldSource[] = [],
): StoreQuery {
  const parameters = new Parameters();
  const text = `SELECT t.type AS type, uniqExact(t.eventId) AS events
${source(parameters, scope, now, period, 'by index', holds)}
GROUP BY type
ORDER BY type
SETTINGS ${settingsOf()}`;
  return { text, parameters: parameters.values };
}

/** First and last times of what can be read. */
export function windowQuery(
  now: number,
  period: RetentionPeriod,
  holds: readonly HeldSource[] = [],
): StoreQuery {
  const parameters = new Parameters();
  const columns = ['collectedAt', 'occurredAt'].flatMap((column) => [
    `min(t.${column}) AS first_${column}`,
    `max(t.${column}) AS last_${column}`,
  ]);
  const live = `FROM traffic_retained AS t\nWHERE ${retained(parameters, now, period)}`;
  const held = `FROM held_traffic_readable AS t\nWHERE ${heldBy(parameters, now, holds)}`;
  const times = 'SELECT t.collectedAt AS collectedAt, t.occurredAt AS occurredAt';
  const rows = holds.length === 0 ? live : `FROM (\n${times}\n${live}\nUNION ALL\n${times}\n${held}\n) AS t`;
  const text = `SELECT count() AS rows, ${columns.join(', ')}
${rows}
SETTINGS ${settingsOf()}`;
  return { text, parameters: parameters.values };
}

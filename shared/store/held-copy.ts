import type { Scope } from '#shared/orders';
import { storedColumns, storedFields } from './columns.ts';
import type { StoreQuery } from './database.ts';
import { inScope, Parameters, retained } from './query.ts';
import type { RetentionPeriod } from './retention.ts';

/*
 * The statement that copies what an order holds, within the engine. It leaves out what is there already, so
 * that it can be cut off at any moment and run again: what it had copied is not copied twice, and what it had
 * not is copied then. Copies of one event that differ in a time are different rows, as they are in the traffic;
 * each event is read once (`query.ts`).
 */

/** Bounds of a copy, which must not take the store from ingestion; one that is cut off by them is gone on with. */
export const copySettings = {
  max_execution_time: 300,
  timeout_overflow_mode: "'throw'",
  max_memory_usage: 1_500_000_000,
  max_threads: 1,
  max_insert_threads: 1,
  max_block_size: 16_384,
  min_insert_block_size_rows: 65_536,
  min_insert_block_size_bytes: 67_108_864,
  optimize_read_in_order: 0,
  log_queries: 0, // parameters are personal data
} as const;

/** What is copied of a hold at a time. */
export interface CopyPart {
  /** First and last instant of collection, milliseconds since the epoch; absent: all of it. */
  readonly collected?: { readonly from: number; readonly to: number };
  /** The index leaves out days that are wholly expired; then every minute is looked at. */
  readonly byIndex: boolean;
}

/** @param since of the hold, milliseconds since the epoch: what had expired by then is not copied */
export function copyStatement(
  hold: { readonly orderId: string; readonly since: number },
  scope: Scope,
  period: RetentionPeriod,
  { collected, byIndex }: CopyPart,
): StoreQuery {
  const parameters = new Parameters();
  const orderId = `toUUID(${parameters.text('hold', hold.orderId)})`;
  const utc = (at: number): string => new Date(at).toISOString();
  const within =
    collected === undefined
      ? ''
      : `\n  AND t.collectedAt BETWEEN ${parameters.time('collectedFrom', utc(collected.from))} AND ${parameters.time('collectedTo', utc(collected.to))}`;
  const text = `INSERT INTO held_traffic (orderId, ${storedFields.map(([field]) => field).join(', ')})
SELECT ${orderId} AS orderId, ${storedColumns}
FROM traffic_holdable AS t
WHERE ${retained(parameters, hold.since, period)}
  AND ${inScope(parameters, scope, byIndex ? 'by index' : 'all minutes')}${within}
  AND (t.eventId, t.occurredAt, t.collectedAt) GLOBAL NOT IN (
    SELECT t.eventId, t.occurredAt, t.collectedAt FROM held_traffic AS t WHERE t.orderId = ${orderId}${within})
LIMIT 1 BY t.eventId, t.occurredAt, t.collectedAt
SETTINGS ${Object.entries(copySettings)
    .map(([name, value]) => `${name} = ${value}`)
    .join(', ')}`;
  return { text, parameters: parameters.values };
}

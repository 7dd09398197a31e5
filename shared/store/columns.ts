import { type TrafficEvent, trafficEventSchema } from '#shared/traffic';
import { StoreError } from './errors.ts';

/*
 * How an event stands in the table `traffic` (infra/clickhouse/migrations): one column per field under the
 * field's name. This is the one place that knows how a field is written and read back.
 */

/**
 * `text`: absent is ''. `number`: absent is 0, which the schema does not allow for these. `count`: absent is
 * NULL, because 0 is a value. `mark`: true or absent. `flag`: true, false or absent.
 */
export type Kind = 'id' | 'time' | 'text' | 'number' | 'count' | 'mark' | 'flag';

const kinds = {
  schemaVersion: 'number',
  eventId: 'id',
  type: 'text',
  occurredAt: 'time',
  occurredAtNote: 'text',
  collectedAt: 'time',
  host: 'text',
  instance: 'text',
  software: 'text',
  service: 'text',
  protocol: 'text',
  sessionId: 'text',
  queueId: 'text',
  relatedQueueId: 'text',
  messageId: 'text',
  messageIdHashed: 'mark',
  sizeOctets: 'count',
  recipientCount: 'count',
  senderIp: 'text',
  senderPort: 'number',
  senderAddress: 'text',
  senderNull: 'mark',
  senderUser: 'text',
  originHostIp: 'text',
  originHostName: 'text',
  recipientAddress: 'text',
  recipientOriginalAddress: 'text',
  recipientUser: 'text',
  deliveryHostIp: 'text',
  deliveryHostName: 'text',
  deliveryHostPort: 'number',
  clientIp: 'text',
  clientPort: 'number',
  proxyIp: 'text',
  bytesSent: 'count',
  bytesReceived: 'count',
  outcome: 'text',
  dsn: 'text',
  replyCode: 'number',
  tls: 'flag',
  correlation: 'text',
  sourceId: 'text',
  sourcePosition: 'text',
} as const satisfies Record<keyof TrafficEvent, Kind>;

/** Every field and how it is stored, in the schema's order. */
export const storedFields = Object.entries(kinds) as readonly [keyof TrafficEvent, Kind][];

/** Columns to insert into; the id goes through an ephemeral one, as hex digits. */
export const insertColumns: readonly string[] = storedFields.map(([field, kind]) =>
  kind === 'id' ? 'eventIdHex' : field,
);

/** What to select, in the table's alias `t`, so that `eventFromRow` can read it. */
export const selectList: string = storedFields
  .map(([field, kind]) => (kind === 'id' ? `lower(hex(t.${field})) AS ${field}` : `t.${field} AS ${field}`))
  .join(', ');

/** The columns of an event in the table's alias `t`, as the views show them. */
export const storedColumns: string = storedFields.map(([field]) => `t.${field} AS ${field}`).join(', ');

/** ClickHouse's text form of a time, in the column's own zone (UTC). */
export function storeTime(rfc3339: string): string {
  return rfc3339.slice(0, 23).replace('T', ' ');
}

/** Back from ClickHouse's text form to RFC 3339. */
export function rfc3339FromStore(text: string): string {
  return `${text.replace(' ', 'T')}Z`;
}

/** The event as one JSON row by column name. Absent fields are left out: the columns' defaults mean absent. */
export function rowFromEvent(event: TrafficEvent): string {
  const { eventId, occurredAt, collectedAt, ...rest } = event;
  return JSON.stringify({
    eventIdHex: eventId,
    occurredAt: storeTime(occurredAt),
    collectedAt: storeTime(collectedAt),
    ...rest,
  });
}

/** @throws {StoreError} `store.row_invalid` where the row is no event; the row is not quoted */
export function eventFromRow(row: unknown): TrafficEvent {
  const values: Record<string, unknown> = {};
  for (const [field, kind] of storedFields) {
    const value = fieldValue((row as Record<string, unknown>)[field], kind);
    if (value !== undefined) values[field] = value;
  }
  const parsed = trafficEventSchema.safeParse(values);
  if (!parsed.success) throw new StoreError('store.row_invalid', 'A stored row is no valid traffic event');
  return parsed.data;
}

function fieldValue(stored: unknown, kind: Kind): unknown {
  switch (kind) {
    case 'time':
      return typeof stored === 'string' ? rfc3339FromStore(stored) : stored;
    case 'text':
      return stored === '' ? undefined : stored;
    case 'number':
      return stored === 0 ? undefined : stored;
    case 'count':
      // 64-bit integers come quoted or not, by a setting of the server's profile; the schema bounds them.
      return stored === null ? undefined : Number(stored);
    case 'mark':
      return stored === true ? true : undefined;
    case 'flag':
      return stored === null ? undefined : stored;
    case 'id':
      return stored;
  }
}

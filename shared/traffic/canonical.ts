import { z } from 'zod';
import {
  type EventType,
  eventTypes,
  services,
  type TrafficEvent,
  trafficEventSchema,
  trafficSchemaVersion,
} from './event.ts';
import { trafficLimits as limits } from './limits.ts';

/*
 * The canonical form of an event: what `JSON.stringify` makes of what `trafficEventSchema` gave, with
 * nothing in it but printable ASCII and no escape. Nearly every event is queued so. Its bytes can be
 * recognised by one regular expression over them, which V8 compiles to machine code: some fifteen times as
 * fast as parsing them and validating the object. What is not recognised may still be a valid event.
 *
 * Why what is recognised is valid, and the same event as a parser would give: members stand in the schema's
 * order, so that none comes twice and none is unknown; every value's pattern is no wider than its schema's
 * (a property test holds one against the other); printable ASCII without quotes and backslashes is one byte
 * a character and stands for itself.
 */

/** Bytes of a JSON text that is a valid event in canonical form. */
export type CanonicalEvent = Uint8Array & { readonly [canonical]: true };
declare const canonical: unique symbol;

/** What is known of a canonical event without parsing it. */
export interface RecognizedEvent {
  /** The bytes themselves, not a copy. */
  readonly event: CanonicalEvent;
  readonly occurredAt: string;
  readonly collectedAt: string;
}

/** What every canonical event begins with. */
export const canonicalStart = `{"schemaVersion":${trafficSchemaVersion},"eventId":`;

/** @returns null where the bytes are not in canonical form; a parser may still find a valid event in them */
export function recognizeCanonical(bytes: Uint8Array): RecognizedEvent | null {
  if (bytes.byteLength > maxCanonicalBytes) return null;
  // One character a byte: what is no ASCII becomes a character that no pattern takes.
  const found = whole.exec(asBuffer(bytes).toString('latin1'));
  if (found === null) return null;
  const [, occurredAt = '', collectedAt = ''] = found;
  return { event: bytes as CanonicalEvent, occurredAt, collectedAt };
}

/** Longer ones are not looked at; the fields' own bounds leave less than half of it. */
const maxCanonicalBytes = 16_384;

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const quoted = (pattern: string): string => `"${pattern}"`;
const oneOf = (values: readonly string[]): string => quoted(`(?:${values.map(escaped).join('|')})`);
const escaped = (value: string): string => value.replace(/[^\w-]/g, '\\$&');
/** Printable ASCII but for the quote and the backslash. */
const text = (maxBytes: number): string => quoted(`[ !#-\\[\\]-~]{1,${maxBytes}}`);
/** A pattern of its own library, without its anchors and captures. */
const inner = ({ source }: RegExp): string =>
  `(?:${source.replace(/^\^|\$$/g, '').replace(/\((?!\?)/g, '(?:')})`;

const time = inner(z.regexes.datetime({ precision: 3 }));
const ip = quoted(`(?:${inner(z.regexes.ipv4)}|${inner(z.regexes.ipv6)})`);
const port = '(?:[1-9]\\d{0,3}|[1-5]\\d{4}|6[0-4]\\d{3}|65[0-4]\\d\\d|655[0-2]\\d|6553[0-5])';
/** Up to fifteen digits: every one of them is a safe integer, and written as `JSON.stringify` does. */
const count = '(?:0|[1-9]\\d{0,14})';

const { shape } = trafficEventSchema;

/** Every field's value in JSON. */
const patterns: Readonly<Record<keyof TrafficEvent, string>> = {
  schemaVersion: String(trafficSchemaVersion),
  eventId: quoted('[0-9a-f]{32}'),
  type: oneOf(eventTypes),
  occurredAt: quoted(`(${time})`),
  occurredAtNote: oneOf(shape.occurredAtNote.unwrap().options),
  collectedAt: quoted(`(${time})`),
  host: text(limits.hostNameBytes),
  instance: text(limits.labelBytes),
  software: oneOf(shape.software.options),
  service: oneOf(services),
  protocol: text(limits.labelBytes),
  sessionId: text(limits.sessionIdBytes),
  queueId: text(limits.queueIdBytes),
  relatedQueueId: text(limits.queueIdBytes),
  messageId: text(limits.messageIdBytes),
  messageIdHashed: 'true',
  sizeOctets: count,
  recipientCount: count,
  senderIp: ip,
  senderPort: port,
  senderAddress: text(limits.addressBytes),
  senderNull: 'true',
  senderUser: text(limits.userBytes),
  originHostIp: ip,
  originHostName: text(limits.hostNameBytes),
  recipientAddress: text(limits.addressBytes),
  recipientOriginalAddress: text(limits.addressBytes),
  recipientUser: text(limits.userBytes),
  deliveryHostIp: ip,
  deliveryHostName: text(limits.hostNameBytes),
  deliveryHostPort: port,
  clientIp: ip,
  clientPort: port,
  proxyIp: ip,
  bytesSent: count,
  bytesReceived: count,
  outcome: text(limits.labelBytes),
  dsn: quoted('[245]\\.\\d{1,3}\\.\\d{1,3}'),
  replyCode: '[2-5]\\d\\d',
  tls: '(?:true|false)',
  correlation: oneOf(shape.correlation.options),
  sourceId: text(limits.labelBytes),
  sourcePosition: text(limits.sourcePositionBytes),
};

/** A JSON object of these fields, in the schema's order; `schemaVersion`, the first, must be one of them. */
function objectOf(fields: ReadonlySet<keyof TrafficEvent>, of: typeof patterns): string {
  const members = (Object.keys(shape) as (keyof TrafficEvent)[])
    .filter((field) => fields.has(field))
    .map((field, index) => {
      const member = `${index === 0 ? '' : ','}"${field}":${of[field]}`;
      return shape[field] instanceof z.ZodOptional ? `(?:${member})?` : member;
    });
  return `\\{${members.join('')}\\}`;
}

const whole = new RegExp(`^${objectOf(new Set(Object.keys(shape) as (keyof TrafficEvent)[]), patterns)}$`);

/**
 * A line of a released record of one type in canonical form, line feed included, wherever it stands in a
 * text (sticky): no more fields than these, each valid.
 */
export function canonicalLine(type: EventType, fields: ReadonlySet<keyof TrafficEvent>): RegExp {
  return new RegExp(`${objectOf(fields, { ...patterns, type: quoted(escaped(type)) })}\\n`, 'y');
}

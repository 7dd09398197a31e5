import { z } from 'zod';
import { trafficLimits as limits } from './limits.ts';

/** Version of the event's wire and storage format. A change of meaning or of a field raises it. */
export const trafficSchemaVersion = 1;

/**
 * Event types, after ETSI's e-mail event vocabulary (send, receive, download, logon attempt, logon,
 * logon failure, logoff, partial download, upload).
 */
export const eventTypes = [
  'message.accepted',
  'message.delivered',
  'message.deferred',
  'message.bounced',
  'message.expired',
  'message.rejected',
  'session.login',
  'session.login_failed',
  'session.logout',
  'mailbox.retrieved',
] as const;
export type EventType = (typeof eventTypes)[number];

/** Internet service used (category 7). `local-delivery` is a delivery agent on the host itself. */
export const services = [
  'smtp',
  'submission',
  'lmtp',
  'local-delivery',
  'imap',
  'pop3',
  'managesieve',
  'webmail',
] as const;
export type Service = (typeof services)[number];

const byteLength = (text: string): number => Buffer.byteLength(text, 'utf8');
const hasControl = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
};

/** Text without control characters, 1 to `maxBytes` bytes of UTF-8. */
const text = (maxBytes: number) =>
  z
    .string()
    .min(1)
    .refine((value) => value.length <= maxBytes && byteLength(value) <= maxBytes, {
      message: `longer than ${maxBytes} bytes`,
    })
    .refine((value) => !hasControl(value), { message: 'contains a control character' });

/** RFC 3339 in UTC with milliseconds, the one form in which Griffie writes times. */
export const utcTimestamp = z.iso.datetime({ precision: 3 });

const ip = z.union([z.ipv4(), z.ipv6()]);
const port = z.int().min(1).max(65_535);
const count = z.int().min(0).max(Number.MAX_SAFE_INTEGER);

/**
 * One traffic-data event, as queued, stored and released. Absent fields are absent, never empty.
 *
 * Identifiers are in the normal form of `identifiers.ts`; the fields are those of the seven categories
 * (`categories.ts`) and what is needed to find, join and judge them. There is no field for content.
 */
export const trafficEventSchema = z.strictObject({
  schemaVersion: z.literal(trafficSchemaVersion),
  /** 128 bits as 32 hex digits, the same whenever the same source line is read again. */
  eventId: z.string().regex(/^[0-9a-f]{32}$/),
  type: z.enum(eventTypes),
  /** When it happened, by the mail server's clock. */
  occurredAt: utcTimestamp,
  /**
   * What is uncertain about `occurredAt`: `year` was inferred (RFC 3164 has none), `ambiguous` lies in
   * the repeated hour of a clock change. Absent where the source gave a full time with its zone.
   */
  occurredAtNote: z.enum(['year', 'ambiguous']).optional(),
  /** When Griffie collected it: the retention period counts from here. */
  collectedAt: utcTimestamp,

  /** Name of the host whose mail server logged it. */
  host: text(limits.hostNameBytes),
  /** Instance of the mail server on that host, where it has several (`postfix-in`). */
  instance: text(limits.labelBytes).optional(),
  software: z.enum(['postfix', 'dovecot']),
  service: z.enum(services),
  /** As the server names it: `esmtp`, `smtp`, `lmtp`, `pipe`, `virtual`, `local`, `imap`, `pop3`, … */
  protocol: text(limits.labelBytes).optional(),

  sessionId: text(limits.sessionIdBytes).optional(),
  queueId: text(limits.queueIdBytes).optional(),
  /** Queue id of the message that this one is about or came from: a bounce's original, a filter's first leg. */
  relatedQueueId: text(limits.queueIdBytes).optional(),
  messageId: text(limits.messageIdBytes).optional(),
  /** The Message-ID was over the bound: `messageId` is `sha256:` and its hash. */
  messageIdHashed: z.literal(true).optional(),
  sizeOctets: count.optional(),
  recipientCount: count.optional(),

  senderIp: ip.optional(),
  senderPort: port.optional(),
  senderAddress: text(limits.addressBytes).optional(),
  /** The null reverse-path `<>`: `senderAddress` is absent. */
  senderNull: z.literal(true).optional(),
  senderUser: text(limits.userBytes).optional(),
  originHostIp: ip.optional(),
  originHostName: text(limits.hostNameBytes).optional(),
  recipientAddress: text(limits.addressBytes).optional(),
  recipientOriginalAddress: text(limits.addressBytes).optional(),
  recipientUser: text(limits.userBytes).optional(),
  deliveryHostIp: ip.optional(),
  deliveryHostName: text(limits.hostNameBytes).optional(),
  deliveryHostPort: port.optional(),
  clientIp: ip.optional(),
  clientPort: port.optional(),
  proxyIp: ip.optional(),

  /** Octets that a retrieval session sent to its client. */
  bytesSent: count.optional(),
  /** Octets that a retrieval session received from its client. */
  bytesReceived: count.optional(),
  /** The server's status word: `sent`, `deferred`, `bounced`, `expired`, `reject`, `auth_failed`, … */
  outcome: text(limits.labelBytes).optional(),
  /** Enhanced status code, RFC 3463. */
  dsn: z
    .string()
    .regex(/^[245]\.\d{1,3}\.\d{1,3}$/)
    .optional(),
  /** SMTP reply code: the number, never the text. */
  replyCode: z.int().min(200).max(599).optional(),
  tls: z.boolean().optional(),

  /** `partial`: lines that would complete the event were not seen (lost, or before the log began). */
  correlation: z.enum(['complete', 'partial']),
  sourceId: text(limits.labelBytes),
  sourcePosition: text(limits.sourcePositionBytes),
});
export type TrafficEvent = z.infer<typeof trafficEventSchema>;

/** What an adapter knows of an event; the collector adds identity, place and time of collection. */
export type EventDraft = Omit<
  TrafficEvent,
  'schemaVersion' | 'eventId' | 'collectedAt' | 'sourceId' | 'sourcePosition'
>;

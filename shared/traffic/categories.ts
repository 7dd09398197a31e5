import type { EventType, TrafficEvent } from './event.ts';

type Field = keyof TrafficEvent;

/** One of the seven categories of traffic data, with where it is answered from. */
export interface TrafficCategory {
  readonly number: 1 | 2 | 3 | 4 | 5 | 6 | 7;
  readonly id: CategoryId;
  readonly title: { readonly en: string; readonly nl: string };
  /** Fields that answer it. */
  readonly fields: readonly Field[];
  /** Event types on which it can be answered. */
  readonly types: readonly EventType[];
}

export const categoryIds = [
  'sender',
  'originHost',
  'recipient',
  'deliveryHost',
  'retrievalIp',
  'session',
  'service',
] as const;
export type CategoryId = (typeof categoryIds)[number];

const messageTypes = [
  'message.accepted',
  'message.delivered',
  'message.deferred',
  'message.bounced',
  'message.expired',
  'message.rejected',
] as const satisfies readonly EventType[];
const sessionTypes = [
  'session.login',
  'session.login_failed',
  'session.logout',
] as const satisfies readonly EventType[];

/** The one table of the seven categories (privacy policy, "Verkeersgegevens"); docs and tests read it. */
export const trafficCategories: readonly TrafficCategory[] = [
  {
    number: 1,
    id: 'sender',
    title: {
      en: 'Sender: IP address used, e-mail address, any other registered sender id',
      nl: 'Afzender: gebruikt IP-adres, e-mailadres, andere geregistreerde afzendergegevens',
    },
    fields: ['senderIp', 'senderPort', 'senderAddress', 'senderNull', 'senderUser'],
    types: messageTypes,
  },
  {
    number: 2,
    id: 'originHost',
    title: {
      en: 'Host that sent the message: IP address and fully qualified name',
      nl: 'Host die het bericht verzond: IP-adres en volledige naam',
    },
    fields: ['originHostIp', 'originHostName'],
    types: messageTypes,
  },
  {
    number: 3,
    id: 'recipient',
    title: {
      en: 'Recipient: e-mail address, any other id',
      nl: 'Ontvanger: e-mailadres, andere gegevens',
    },
    fields: ['recipientAddress', 'recipientOriginalAddress', 'recipientUser', 'recipientCount'],
    types: [...messageTypes, ...sessionTypes, 'mailbox.retrieved'],
  },
  {
    number: 4,
    id: 'deliveryHost',
    title: {
      en: 'Host that delivered the message: IP address and fully qualified name',
      nl: 'Host die het bericht afleverde: IP-adres en volledige naam',
    },
    fields: ['deliveryHostIp', 'deliveryHostName', 'deliveryHostPort'],
    types: messageTypes,
  },
  {
    number: 5,
    id: 'retrievalIp',
    title: {
      en: 'IP address used to receive or browse mail, whatever the protocol',
      nl: 'IP-adres gebruikt om mail te ontvangen of te raadplegen, ongeacht het protocol',
    },
    fields: ['clientIp', 'clientPort', 'proxyIp', 'recipientUser', 'bytesSent', 'bytesReceived'],
    types: [...sessionTypes, 'mailbox.retrieved'],
  },
  {
    number: 6,
    id: 'session',
    title: {
      en: 'Date and GMT time of login and logout, with the IP address',
      nl: 'Datum en GMT-tijd van in- en uitloggen, met het IP-adres',
    },
    fields: ['sessionId', 'clientIp', 'clientPort', 'proxyIp', 'senderUser', 'recipientUser'],
    types: sessionTypes,
  },
  {
    number: 7,
    id: 'service',
    title: { en: 'Internet service used', nl: 'Gebruikte internetdienst' },
    fields: ['service', 'protocol'],
    types: [...messageTypes, ...sessionTypes, 'mailbox.retrieved'],
  },
];

/**
 * Fields of every released record, whatever the categories: what identifies, dates and judges the event.
 * Nothing here names a person or an address.
 */
export const commonFields: readonly Field[] = [
  'schemaVersion',
  'eventId',
  'type',
  'occurredAt',
  'occurredAtNote',
  'collectedAt',
  'host',
  'instance',
  'software',
  'queueId',
  'relatedQueueId',
  'messageId',
  'messageIdHashed',
  'sizeOctets',
  'outcome',
  'dsn',
  'replyCode',
  'tls',
  'correlation',
  'sourceId',
  'sourcePosition',
];

/** Event types that the given categories reach. */
export function typesOfCategories(ids: readonly CategoryId[]): EventType[] {
  const types = new Set<EventType>();
  for (const category of trafficCategories) {
    if (ids.includes(category.id)) for (const type of category.types) types.add(type);
  }
  return [...types];
}

/** Fields that a record of this type has where these categories are granted; none where none applies to it. */
export function grantedFields(type: EventType, ids: readonly CategoryId[]): ReadonlySet<Field> {
  const granted = trafficCategories.filter((c) => ids.includes(c.id) && c.types.includes(type));
  return new Set(granted.length === 0 ? [] : [...commonFields, ...granted.flatMap((c) => c.fields)]);
}

/**
 * The event with only the common fields and those of the given categories that apply to its type, or
 * `null` where none applies: an order for one category does not reveal the others.
 */
export function projectToCategories(
  event: TrafficEvent,
  ids: readonly CategoryId[],
): Partial<TrafficEvent> | null {
  const fields: ReadonlySet<string> = grantedFields(event.type, ids);
  if (fields.size === 0) return null;
  return Object.fromEntries(Object.entries(event).filter(([name]) => fields.has(name)));
}

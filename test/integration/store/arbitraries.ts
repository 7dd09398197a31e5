import fc from 'fast-check';
import { parseTarget, type Scope, type Target, type TargetKind } from '#shared/orders';
import {
  type CategoryId,
  categoryIds,
  eventTypes,
  services,
  type TrafficEvent,
  trafficEventSchema,
} from '#shared/traffic';

/*
 * Events and scopes that collide often: values come from small sets of likenesses (case, subaddresses,
 * near-miss domains, spellings of one IP, edges of a millisecond), so that a wrong comparison shows.
 */

export const start = Date.UTC(2096, 5, 1);

const locals = [
  'alice',
  'Alice',
  'ALICE+tag',
  'alice+',
  'alice+a@b',
  'bob',
  "o'neil",
  'a;b',
  'a\\b',
  '"a b"',
  'ÄRGER',
  'ärger',
  '用户',
  '%',
  'a_b',
  'aXb',
  "x' OR 1=1 --",
  '{now:String}',
  '\u{1F600}',
];
const domains = [
  'example.nl',
  'example.nl',
  'sub.example.nl',
  'notexample.nl',
  'example.nl.evil.org',
  'xn--bcher-kva.example',
];
const addresses = locals.flatMap((local) => [local, ...domains.map((domain) => `${local}@${domain}`)]);

export const ips = [
  '192.0.2.1',
  '192.0.2.10',
  '192.0.3.1',
  '10.0.0.255',
  '0.0.0.0',
  '255.255.255.255',
  '::',
  '::1',
  '2001:db8::1',
  '2001:DB8:0::1',
  '2001:db8:1::1',
  '::ffff:192.0.2.1',
  '::192.0.2.1',
  'fe80::1',
];

const times = fc
  .oneof(fc.constantFrom(0, 1, 2, 999, 1000, 1001), fc.integer({ min: 0, max: 5000 }))
  .map((offset) => new Date(start + offset).toISOString());

const address = fc.constantFrom(...addresses);
const ip = fc.constantFrom(...ips);
const port = fc.constantFrom(1, 25, 65_535);
const count = fc.constantFrom(0, 1, Number.MAX_SAFE_INTEGER);
/** What writers of JSON spell in more than one way, beside any text. */
const text = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
  fc.constantFrom(
    'a/b',
    '"\\"',
    '\\u2028',
    'a\u2028b',
    'a\u2029',
    '\u0080\u009f',
    '\ufeff',
    '\u{1F600}',
    '</a>',
  ),
);
const host = fc.constantFrom('mx.example.nl', 'MX.example.nl', 'mx2.example.nl');
const messageId = fc.oneof(fc.constantFrom('a@b', 'A@b', "'\\n"), text);

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 });

const dropAbsent = (value: object): object =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined));

/** Any event that the schema takes. */
export const event: fc.Arbitrary<TrafficEvent> = fc
  .record({
    schemaVersion: fc.constant(1 as const),
    eventId: fc.uuid().map((id) => id.replaceAll('-', '')),
    type: fc.constantFrom(...eventTypes),
    occurredAt: times,
    occurredAtNote: optional(fc.constantFrom('year' as const, 'ambiguous' as const)),
    collectedAt: times,
    host,
    instance: optional(text),
    software: fc.constantFrom('postfix' as const, 'dovecot' as const),
    service: fc.constantFrom(...services),
    protocol: optional(text),
    sessionId: optional(text),
    queueId: optional(text),
    relatedQueueId: optional(text),
    messageId: optional(messageId),
    messageIdHashed: optional(fc.constant(true as const)),
    sizeOctets: optional(count),
    recipientCount: optional(count),
    senderIp: optional(ip),
    senderPort: optional(port),
    senderAddress: optional(address),
    senderNull: optional(fc.constant(true as const)),
    senderUser: optional(address),
    originHostIp: optional(ip),
    originHostName: optional(host),
    recipientAddress: optional(address),
    recipientOriginalAddress: optional(address),
    recipientUser: optional(address),
    deliveryHostIp: optional(ip),
    deliveryHostName: optional(host),
    deliveryHostPort: optional(port),
    clientIp: optional(ip),
    clientPort: optional(port),
    proxyIp: optional(ip),
    bytesSent: optional(count),
    bytesReceived: optional(count),
    outcome: optional(text),
    dsn: optional(fc.constantFrom('2.0.0', '5.7.1')),
    replyCode: optional(fc.constantFrom(200, 250, 599)),
    tls: optional(fc.boolean()),
    correlation: fc.constantFrom('complete' as const, 'partial' as const),
    sourceId: fc.constantFrom('mail.log', 'mail.err'),
    sourcePosition: text,
  })
  .map((value) => dropAbsent(value))
  .filter((value): value is TrafficEvent => trafficEventSchema.safeParse(value).success);

const parsed = (kind: TargetKind, value: string, subaddresses = false): Target[] => {
  const result = parseTarget(kind, value, subaddresses);
  return result.ok ? [result.target] : [];
};

/** Each kind as likely as the others, though there are far more addresses than domains. */
const target: fc.Arbitrary<Target> = fc.oneof(
  ...[
    addresses.flatMap((value) => parsed('address', value, true)),
    addresses.flatMap((value) => parsed('address', value)),
    addresses.flatMap((value) => parsed('user', value)),
    ips.flatMap((value) => parsed('ip', value)),
    ['mx.example.nl', 'MX2.example.nl'].flatMap((value) => parsed('host', value)),
    ['<a@b>', "'\\n"].flatMap((value) => parsed('messageId', value)),
    ['example.nl', 'sub.example.nl', 'bücher.example'].flatMap((value) => parsed('domain', value)),
    ['192.0.2.0/24', '192.0.2.1/32', '0.0.0.0/16', '2001:db8::/32', '2001:db8::1/128', '::/32'].flatMap(
      (value) => parsed('prefix', value),
    ),
  ].map((ofOneKind) => fc.constantFrom(...ofOneKind)),
);

export const scope: fc.Arbitrary<Scope> = fc.record({
  targets: fc.array(target, { minLength: 1, maxLength: 3 }),
  from: times,
  to: times,
  categories: fc.subarray([...categoryIds], { minLength: 1 }) as fc.Arbitrary<CategoryId[]>,
  collectedUpTo: times,
});

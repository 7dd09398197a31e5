import fc from 'fast-check';
import { z } from 'zod';
import { trafficLimits as limits, type TrafficEvent, trafficEventSchema } from '#shared/traffic';
import { event } from '../../integration/store/arbitraries.ts';

/*
 * Records for the fast path's tests: valid events in canonical form, the same with one member replaced by
 * any JSON, and the same with their bytes damaged.
 */

/** Far ahead, where no engine's own clock lets it expire during a test. */
export const collectedAt = '2096-06-01T10:00:01.000Z';
/** A day after `collectedAt`. */
export const now = Date.parse('2096-06-02T10:00:01.000Z');

export const encode = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** As the collector queues it: what the schema gave, in the schema's order. */
export const canonical = (value: unknown): Buffer => encode(trafficEventSchema.parse(value));

/** An event that has every field. */
export const fullEvent: TrafficEvent = trafficEventSchema.parse({
  schemaVersion: 1,
  eventId: '0123456789abcdef0123456789abcdef',
  type: 'message.delivered',
  occurredAt: '2026-06-01T10:00:00.000Z',
  occurredAtNote: 'year',
  collectedAt,
  host: 'mx1.example.nl',
  instance: 'postfix-in',
  software: 'postfix',
  service: 'smtp',
  protocol: 'esmtp',
  sessionId: 'session-1',
  queueId: '4XyZ1234567',
  relatedQueueId: '4XyZ1234568',
  messageId: '1@example.nl',
  messageIdHashed: true,
  sizeOctets: 1234,
  recipientCount: 2,
  senderIp: '192.0.2.1',
  senderPort: 25,
  senderAddress: 'bob@example.org',
  senderNull: true,
  senderUser: 'bob',
  originHostIp: '2001:db8::1',
  originHostName: 'mail.example.org',
  recipientAddress: 'alice@example.nl',
  recipientOriginalAddress: 'info@example.nl',
  recipientUser: 'alice',
  deliveryHostIp: '198.51.100.4',
  deliveryHostName: 'store.example.nl',
  deliveryHostPort: 24,
  clientIp: '203.0.113.9',
  clientPort: 40_000,
  proxyIp: '10.0.0.1',
  bytesSent: 0,
  bytesReceived: 17,
  outcome: 'sent',
  dsn: '2.0.0',
  replyCode: 250,
  tls: false,
  correlation: 'complete',
  sourceId: 'mail-log',
  sourcePosition: '1:0',
});

export const fields = Object.keys(fullEvent) as (keyof TrafficEvent)[];

/** The full event with one member's JSON replaced, wherever it stands. */
export function withMember(field: keyof TrafficEvent, json: string): Buffer {
  const members = fields.map(
    (name) => `"${name}":${name === field ? json : JSON.stringify(fullEvent[name])}`,
  );
  return Buffer.from(`{${members.join(',')}}`);
}

const numbers = [
  ...['0', '1', '9', '10', '24', '199', '200', '599', '600', '9999', '10000', '59999', '64999', '65000'],
  ...['65499', '65500', '65529', '65530', '65535', '65536', '65540', '66000', '70000', '99999', '100000'],
  ...['999999999999999', '1000000000000000', '9007199254740991', '9007199254740992', '18446744073709551616'],
  ...['-0', '-1', '0.0', '1.0', '1.5', '1e3', '1E2', '1e400', '01', '+1', '0x10', '1_000', 'NaN', '', ' 25'],
];
const times = [
  ...['2026-06-01T10:00:00.000Z', '2024-02-29T00:00:00.000Z', '2026-02-29T00:00:00.000Z'],
  ...['2026-02-30T00:00:00.000Z', '2026-04-31T00:00:00.000Z', '2026-06-31T00:00:00.000Z'],
  ...['2026-00-01T00:00:00.000Z', '2026-13-01T00:00:00.000Z', '2026-06-00T00:00:00.000Z'],
  ...['2026-06-01T24:00:00.000Z', '2026-06-01T23:60:00.000Z', '2026-06-01T23:59:60.000Z'],
  ...[
    '2026-06-01T10:00:00Z',
    '2026-06-01T10:00:00.00Z',
    '2026-06-01T10:00:00.0000Z',
    '2026-06-01 10:00:00.000Z',
  ],
  ...['2026-06-01T10:00:00.000', '2026-06-01T10:00:00.000z', '2026-06-01T10:00:00.000+00:00', '2026-06-01'],
  ...['0000-01-01T00:00:00.000Z', '0001-01-01T00:00:00.000Z', '1899-12-31T23:59:59.999Z'],
  ...['1969-12-31T23:59:59.999Z', '1970-01-01T00:00:00.000Z', '1970-12-31T23:59:59.999Z'],
  ...['1971-01-01T00:00:00.000Z', '2100-02-29T00:00:00.000Z', '2198-12-31T23:59:59.999Z'],
  ...['2199-12-31T23:59:59.999Z', '2200-01-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z', '+010000-01-01'],
];
const ips = [
  ...['0.0.0.0', '255.255.255.255', '256.0.0.1', '1.2.3', '1.2.3.4.5', '01.2.3.4', '1.2.3.4 ', '1.2.3.4/32'],
  ...['::', '::1', '1::', '1::8', '1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7::', '::2:3:4:5:6:7:8', '1:2:3:4:5:6::8'],
  ...[
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7',
    ':::',
    '1::2::3',
    '12345::',
    'g::',
    '::ffff:192.0.2.1',
    '::192.0.2.1',
  ],
  ...[
    'FE80::1',
    'fe80::1%eth0',
    '[::1]',
    '::1\\u0000',
    '2001:0db8:0000:0000:0000:0000:0000:0001',
    '::@1',
    '1:',
  ],
];
const words = [
  ...[
    'year',
    'ambiguous',
    'smtp',
    'submission',
    'webmail',
    'postfix',
    'dovecot',
    'exim',
    'complete',
    'partial',
  ],
  ...['message.delivered', 'messageXdelivered', 'session.login_failed', 'session.login', 'Year', 'unknown'],
  ...['2.0.0', '5.7.1', '3.0.0', '2.0', '2.1234.0', '4.999.999', '2a0b0', '0123456789ABCDEF0123456789abcdef'],
  ...['f'.repeat(31), 'f'.repeat(32), 'f'.repeat(33)],
];
const lengths = [...new Set(Object.values(limits))].flatMap((bytes) => [bytes - 1, bytes, bytes + 1]);
const texts = [
  ...lengths.map((length) => 'x'.repeat(length)),
  ...lengths.map((length) => 'é'.repeat(Math.ceil(length / 2))),
  ...Array.from({ length: 0x110 }, (_, code) => `a${String.fromCharCode(code)}b`),
  ...[
    '',
    ' ',
    '\ud800',
    '\udc00x',
    '\u{1F600}',
    '\ufeff',
    '\u2028',
    'null',
    '\\N',
    "'; --",
    '{x:String}',
    '\\\\',
  ],
];

/** JSON to put in the place of a member, from the edges of every kind of field, and some that is no JSON. */
export const memberValues: readonly string[] = [
  ...numbers,
  ...[...times, ...ips, ...words, ...texts].map((text) => JSON.stringify(text)),
  ...numbers.map((text) => `"${text}"`),
  // The same text spelled otherwise, and what is no valid spelling at all.
  ...['"\\u0061lice"', '"a\\/b"', '"\\x41"', '"a\nb"', '"a\tb"', '"\\ud800"', '"\\u0000"', "'smtp'"],
  ...['true', 'false', 'True', 'null', '[]', '{}', '["smtp"]', '{"a":1}', '"a","tls":true', '1,"tls":true'],
];

/** Values that replace a base event's own. */
const changes = fc.record({
  occurredAt: fc
    .date({ min: new Date(0), max: new Date('2199-12-31T23:59:59.999Z'), noInvalidDate: true })
    .map((date) => date.toISOString()),
  instance: fc.oneof(
    fc.constant('postfix-in'),
    fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: limits.labelBytes }),
  ),
  sizeOctets: fc.oneof(fc.nat(), fc.maxSafeNat()),
  senderIp: fc.oneof(fc.ipV4(), fc.ipV6()),
  senderPort: fc.integer({ min: 1, max: 65_535 }),
  replyCode: fc.integer({ min: 200, max: 599 }),
});

/** The full event without some of its optional fields. */
const partOfFull: fc.Arbitrary<TrafficEvent> = fc
  .subarray(fields)
  .map((kept) => Object.fromEntries(Object.entries(fullEvent).filter(([name]) => isKept(name, kept))))
  .map((value) => trafficEventSchema.parse(value));

const isKept = (name: string, kept: readonly string[]): boolean =>
  kept.includes(name) || !(trafficEventSchema.shape[name as keyof TrafficEvent] instanceof z.ZodOptional);

/** Any event that is stored: collected a day ago, occurred at any time. Half of them are plain ASCII. */
export const anyEvent: fc.Arbitrary<TrafficEvent> = fc
  .tuple(fc.oneof(event, partOfFull), changes)
  .map(([base, change]) => ({ ...base, ...change, collectedAt }))
  .filter((value) => trafficEventSchema.safeParse(value).success);

const interesting = [
  0x00, 0x09, 0x0a, 0x0d, 0x20, 0x22, 0x2c, 0x3a, 0x5c, 0x7b, 0x7d, 0x7f, 0x80, 0xc3, 0xff,
];
const byte = fc.oneof(
  fc.constantFrom(...interesting),
  fc.integer({ min: 0x30, max: 0x39 }),
  fc.integer({ min: 0x20, max: 0x7e }),
  fc.integer({ min: 0, max: 255 }),
);

/** 0 to 1, evenly: `fc.double` would nearly always give something near 0. */
const share = fc.nat({ max: 9999 }).map((n) => n / 10_000);

interface Damage {
  readonly kind: 'replace' | 'insert' | 'delete' | 'repeat';
  /** Where, as a share of the length. */
  readonly at: number;
  readonly length: number;
  readonly byte: number;
}

const damage: fc.Arbitrary<Damage> = fc.record({
  kind: fc.constantFrom('replace', 'replace', 'replace', 'insert', 'insert', 'delete', 'repeat'),
  at: share,
  length: fc.constantFrom(1, 1, 2, 3, 40),
  byte,
});

function damaged(bytes: Buffer, { kind, at, length, byte: value }: Damage): Buffer {
  const from = Math.floor(at * bytes.byteLength);
  const [before, after] = [bytes.subarray(0, from), bytes.subarray(from)];
  switch (kind) {
    case 'replace':
      return Buffer.concat([before, Buffer.of(value), after.subarray(1)]);
    case 'insert':
      return Buffer.concat([before, Buffer.of(value), after]);
    case 'delete':
      return Buffer.concat([before, after.subarray(length)]);
    case 'repeat':
      return Buffer.concat([before, after.subarray(0, length), after]);
  }
}

/** Canonical events with up to three damages, of which a good part are events still. */
export const damagedRecord: fc.Arbitrary<Buffer> = fc
  .tuple(
    fc.oneof({ arbitrary: partOfFull, weight: 3 }, anyEvent),
    fc.oneof(
      fc.array(damage, { minLength: 1, maxLength: 1 }),
      fc.array(damage, { minLength: 2, maxLength: 3 }),
    ),
  )
  .map(([base, damages]) => damages.reduce(damaged, canonical(base)));

/** Members in another order, twice, with a stranger among them, or with white space. */
export const rearrangedRecord: fc.Arbitrary<Buffer> = fc
  .record({
    base: anyEvent,
    order: share,
    twice: fc.boolean(),
    extra: fc.constantFrom(
      '',
      ',"subject":"x"',
      ',"eventIdHex":"00"',
      ',"__proto__":1',
      ',"tls":true',
      ' ',
      '\n',
    ),
  })
  .map(({ base, order, twice, extra }) => {
    const members = Object.entries(trafficEventSchema.parse(base)).map((member) =>
      member.map((part) => JSON.stringify(part)).join(':'),
    );
    const at = Math.floor(order * members.length);
    const moved = [...members.slice(at), ...members.slice(0, at), ...(twice ? members.slice(0, 1) : [])];
    return Buffer.from(`{${moved.join(',')}${extra}}`);
  });

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Life,
  lastSecondOfPacked,
  packLife,
  unpackLife,
} from '../../../../services/collector/postfix/life.ts';

const text = fc.oneof(fc.constant(''), fc.string({ unit: 'grapheme' }));
const number = fc.nat();
const life: fc.Arbitrary<Life> = fc.record({
  key: fc.constant('q4F0C117A3F5 mx1'),
  queueId: fc.constant('4F0C117A3F5'),
  stored: fc.constant(true),
  lastSecond: number,
  origin: fc.constantFrom('unknown', 'client', 'local', 'internal'),
  submission: fc.boolean(),
  tls: fc.boolean(),
  queued: fc.boolean(),
  senderNull: fc.boolean(),
  messageIdHashed: fc.boolean(),
  clientIp: text,
  clientName: text,
  clientPort: number,
  proxyIp: text,
  user: text,
  sender: text,
  messageId: text,
  size: number,
  recipients: number,
  related: text,
});

/** Sender, size and number of recipients are known once the message is queued, and not before. */
const possible = life.map(
  (value): Life => (value.queued ? value : { ...value, sender: '', size: 0, recipients: 0 }),
);

describe('a packed life', () => {
  it('is the same life when it is unpacked, and JSON', () => {
    fc.assert(
      fc.property(possible, (value) => {
        const packed = packLife(value);
        expect(Array.isArray(JSON.parse(packed))).toBe(true);
        expect(unpackLife(value.key, value.queueId, packed)).toEqual(value);
        expect(lastSecondOfPacked(packed)).toBe(value.lastSecond);
      }),
      { numRuns: 1_000 },
    );
  });
});

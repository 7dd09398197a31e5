import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { defaultRetention } from '#shared/store';
import { canonicalStart, trafficEventSchema } from '#shared/traffic';
import { createFastPath } from '../../../services/ingester/fast-path.ts';
import { maxClockSkewMs, parseRecord } from '../../../services/ingester/parse.ts';
import {
  anyEvent,
  canonical,
  collectedAt,
  damagedRecord,
  encode,
  fields,
  fullEvent,
  memberValues,
  now,
  rearrangedRecord,
  withMember,
} from './fast-path-records.ts';

// Thousands of runs; a busy machine needs its time.
vi.setConfig({ testTimeout: 240_000 });

const fast = createFastPath(now);

/** What must hold of every record there is. @returns whether the fast path took it */
function agrees(record: Buffer): boolean {
  const taken = fast(record);
  if (taken === null) return false;
  expect(taken).toBe(record);
  const slow = parseRecord(record, now, defaultRetention);
  expect(slow, 'the slow path refuses what the fast one takes').toMatchObject({ ok: true });
  // The table's row is made of these very bytes: they must say what the slow path understood, and no more.
  if (slow.ok) expect(record.toString('latin1')).toBe(JSON.stringify(slow.event));
  return true;
}

describe('the fast path', () => {
  it('knows every field of the schema, and takes an event that has them all', () => {
    expect(new Set(fields)).toEqual(new Set(Object.keys(trafficEventSchema.shape)));
    expect(agrees(encode(fullEvent))).toBe(true);
    expect(JSON.stringify(fullEvent).startsWith(canonicalStart)).toBe(true);
  });

  it('takes an event without any one of its optional fields, and none without a required one', () => {
    for (const field of fields) {
      const { [field]: _, ...rest } = fullEvent;
      expect(agrees(encode(rest)), field).toBe(trafficEventSchema.safeParse(rest).success);
    }
  });

  it('takes every canonical event of printable ASCII without quotes and backslashes', () => {
    let taken = 0;
    fc.assert(
      fc.property(anyEvent, (event) => {
        const record = canonical(event);
        const plain = /^[ -~]*$/.test(record.toString('latin1')) && !record.includes('\\');
        const small = [event.sizeOctets, event.bytesSent, event.bytesReceived, event.recipientCount].every(
          (value) => value === undefined || value < 1e15,
        );
        // Not the spelling of addresses that normalizeIp gives.
        const dotted = [
          event.senderIp,
          event.originHostIp,
          event.clientIp,
          event.deliveryHostIp,
          event.proxyIp,
        ].some((value) => value?.includes(':') && value.includes('.'));
        const inTime = event.occurredAt >= '1971' && event.occurredAt < '2199';
        const taking = plain && small && inTime && !dotted;
        expect(agrees(record)).toBe(taking);
        if (taking) taken += 1;
      }),
      { numRuns: 2000 },
    );
    expect(taken).toBeGreaterThan(100);
  });

  it('takes no value at the edge of any field that the slow path does not take', () => {
    let taken = 0;
    for (const field of fields) {
      for (const json of memberValues) if (agrees(withMember(field, json))) taken += 1;
    }
    expect(taken).toBeGreaterThan(1000);
  });

  it('takes each byte in a text if it is printable ASCII, and not otherwise', () => {
    for (let value = 0; value < 256; value++) {
      const record = withMember('outcome', '"a?b"');
      record[record.indexOf('?')] = value;
      const printable = value >= 0x20 && value <= 0x7e && value !== 0x22 && value !== 0x5c;
      expect(agrees(record), `byte ${value}`).toBe(printable);
    }
  });

  it('agrees on records whose bytes were damaged', () => {
    let taken = 0;
    fc.assert(
      fc.property(damagedRecord, (record) => {
        if (agrees(record)) taken += 1;
      }),
      { numRuns: 5000 },
    );
    expect(taken, 'damages that leave an event').toBeGreaterThan(50);
  });

  it('agrees on members in another order, twice, unknown, or with white space', () => {
    fc.assert(
      fc.property(rearrangedRecord, (record) => void agrees(record)),
      { numRuns: 2000 },
    );
    const [text, bytes] = [JSON.stringify(fullEvent), encode(fullEvent)];
    for (const other of [
      `${text}\n`,
      ` ${text}`,
      `${text}${text}`,
      `\ufeff${text}`,
      text.slice(0, -1),
      text.replace('"tls":false', '"tls":false,"tls":false'),
      text.replace('"tls":false', '"tls":false,"subject":"x"'),
      text.replace('"tls"', '"\\u0074ls"'),
      text.replace('"schemaVersion":1', '"schemaVersion":2'),
      text.replace('"schemaVersion":1', '"schemaVersion":1.0'),
      text.replace('{', '{ '),
    ]) {
      expect(fast(Buffer.from(other)), other.slice(0, 40)).toBeNull();
    }
    expect(fast(Buffer.alloc(0))).toBeNull();
    expect(fast(Buffer.concat([bytes, Buffer.alloc(1)]))).toBeNull();
  });

  it('leaves to the slow path what was collected too late, or so early that it may have expired', () => {
    const at = (ms: number) => encode({ ...fullEvent, collectedAt: new Date(ms).toISOString() });
    const fresh = 27 * 86_400_000;
    expect(fast(at(now + maxClockSkewMs))).not.toBeNull();
    expect(fast(at(now + maxClockSkewMs + 1))).toBeNull();
    expect(fast(at(now - fresh))).not.toBeNull();
    expect(fast(at(now - fresh - 1))).toBeNull();
  });

  it('takes nothing that has expired, whatever the day and the period', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('2020-01-01'), max: new Date('2032-01-01'), noInvalidDate: true }),
        fc.integer({ min: 1, max: 24 }),
        fc.integer({ min: -2 * maxClockSkewMs, max: 32 * 86_400_000 }),
        (date, months, ageMs) => {
          const event = { ...fullEvent, collectedAt: new Date(date.getTime() - ageMs).toISOString() };
          const record = encode(event);
          if (createFastPath(date.getTime())(record) === null) return;
          expect(parseRecord(record, date.getTime(), { months })).toEqual({ ok: true, event });
        },
      ),
      { numRuns: 5000 },
    );
  });

  it('does not care where in a larger buffer a record stands', () => {
    const record = encode({ ...fullEvent, collectedAt });
    const inside = Buffer.concat([Buffer.from('"x":1}'), record, Buffer.from(',')]);
    expect(fast(new Uint8Array(inside.buffer, inside.byteOffset + 6, record.byteLength))).not.toBeNull();
  });

  it('is done soon with any record, however long its like', () => {
    const long = JSON.stringify({ ...fullEvent, senderAddress: 'a'.repeat(15_000) });
    const many = `{"schemaVersion":1,${'"eventId":"0",'.repeat(1100)}"x":1}`;
    const colons = JSON.stringify({ ...fullEvent, senderIp: 'a:'.repeat(7000) });
    const started = performance.now();
    for (let i = 0; i < 200; i++)
      for (const text of [long, many, colons]) expect(fast(Buffer.from(text))).toBeNull();
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});

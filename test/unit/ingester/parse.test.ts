import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxRecordBytes, rejectionReasons } from '#services/ingester';
import { maxClockSkewMs, parseRecord } from '../../../services/ingester/parse.ts';
import { event, start } from '../../integration/store/arbitraries.ts';
import { delivery } from '../../integration/store/helpers.ts';

const retention = { months: 6 };
const bytes = (text: string): Uint8Array => Buffer.from(text);
const parse = (value: Uint8Array, now = start + 10_000) => parseRecord(value, now, retention);

describe('a record of the bus', () => {
  it('is taken as the event that it is', () => {
    fc.assert(
      fc.property(event, (value) => {
        expect(parse(bytes(JSON.stringify(value)))).toEqual({ ok: true, event: value });
      }),
    );
  });

  it('is an event or is refused for a known reason, whatever its bytes', () => {
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map(bytes),
      fc
        .tuple(event, fc.string(), fc.jsonValue())
        .map(([value, name, other]) => bytes(JSON.stringify({ ...value, [name]: other }))),
      fc.tuple(event, fc.nat(900)).map(([value, cut]) => bytes(JSON.stringify(value).slice(0, cut))),
    );
    fc.assert(
      fc.property(anything, (value) => {
        const parsed = parse(value);
        if (!parsed.ok) expect(rejectionReasons).toContain(parsed.reason);
      }),
      { numRuns: 500 },
    );
  });

  it('may be as long as the bound, and no longer', () => {
    const json = JSON.stringify(delivery(1));
    const now = Date.parse(delivery(1).collectedAt);
    expect(parse(bytes(json.padEnd(maxRecordBytes)), now)).toMatchObject({ ok: true });
    expect(parse(bytes(json.padEnd(maxRecordBytes + 1)), now)).toEqual({
      ok: false,
      reason: 'record.too_large',
    });
  });

  it('may be collected by a clock that is ahead of ours, within the skew', () => {
    const value = bytes(JSON.stringify(delivery(1)));
    const collected = Date.parse(delivery(1).collectedAt);
    expect(parse(value, collected - maxClockSkewMs)).toMatchObject({ ok: true });
    expect(parse(value, collected - maxClockSkewMs - 1)).toEqual({
      ok: false,
      reason: 'time.collected_in_future',
    });
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DerError, der, derNatural, naturalOf, oidOf, only, Reader, tags } from '#shared/der';
import { timestampRequest, verifyTimestamp } from '#shared/timestamp';
import { parseTimestampResponse } from '../../../shared/timestamp/token.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('DER', () => {
  it('is read as it was written, whatever the length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70_000 }), (bytes) => {
        fc.pre(bytes.length <= 0xffff);
        const element = der(tags.octetString, bytes);
        const reader = new Reader(element);
        expect(Buffer.from(reader.next(tags.octetString).content)).toEqual(Buffer.from(bytes));
        expect(reader.peek()).toBeNull();
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    ['an indefinite length', '30 80 00 00'],
    ['a length that would fit in one byte', '04 81 01 00'],
    ['a length with a zero before it', '04 82 00 80'],
    ['a length of more than three bytes', '04 84 00 00 00 01 00'],
    ['contents that are cut', '04 05 00'],
    ['a tag of several bytes', '1f 81 01 00'],
    ['nothing', ''],
  ])('is not %s', (_, bytes) => {
    expect(() => new Reader(hex(bytes)).next()).toThrow(DerError);
  });

  it('is one element where one is asked for', () => {
    expect(() => only(hex('30 00 05 00'), tags.sequence)).toThrow(DerError);
    expect(() => only(hex('31 00'), tags.sequence)).toThrow(DerError);
    only(hex('30 00'), tags.sequence).end();
  });

  it.each([
    ['02 01 00', '0'],
    ['02 01 7f', '7f'],
    ['02 02 00 80', '80'],
    ['02 03 01 00 00', '10000'],
  ])('has the number %s', (bytes, value) => {
    expect(naturalOf(new Reader(hex(bytes)).next())).toBe(value);
    expect(Buffer.from(derNatural(hex(value.padStart(value.length + (value.length % 2), '0'))))).toEqual(
      hex(bytes),
    );
  });

  it.each([
    ['a negative one', '02 01 80'],
    ['one with a zero too many', '02 02 00 01'],
    ['one without a byte', '02 00'],
    ['another type', '04 01 00'],
  ])('has no number that is %s', (_, bytes) => {
    expect(() => naturalOf(new Reader(hex(bytes)).next())).toThrow(DerError);
  });

  it.each([
    ['06 09 60 86 48 01 65 03 04 02 01', '2.16.840.1.101.3.4.2.1'],
    ['06 03 55 1d 25', '2.5.29.37'],
    ['06 01 2a', '1.2'],
  ])('has the identifier %s', (bytes, oid) => {
    expect(oidOf(new Reader(hex(bytes)).next())).toBe(oid);
  });

  it.each([
    ['one that is cut', '06 02 55 81'],
    ['one with padding', '06 03 55 80 01'],
    ['one without a byte', '06 00'],
  ])('has no identifier that is %s', (_, bytes) => {
    expect(() => oidOf(new Reader(hex(bytes)).next())).toThrow(DerError);
  });
});

describe('a time stamp', () => {
  it('is asked for as RFC 3161 says', () => {
    const query = Buffer.from(timestampRequest(Buffer.from('x'), hex('00 ff')));
    // TimeStampReq: version 1, SHA-256 imprint, nonce 255, certReq.
    const digest = '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881';
    expect(query.toString('hex')).toBe(
      `303d0201013031300d060960864801650304020105000420${digest}020200ff0101ff`,
    );
  });

  it('is no refusal of an authority, and nothing that is not DER', () => {
    const refusal = der(tags.sequence, der(tags.sequence, hex('02 01 02')));
    expect(parseTimestampResponse(refusal)).toEqual({ ok: false, reason: 'refused' });
    const empty = der(tags.sequence, der(tags.sequence, hex('02 01 00')));
    expect(parseTimestampResponse(empty)).toEqual({ ok: false, reason: 'malformed' });
    expect(verifyTimestamp(Buffer.alloc(2_000_000), Buffer.from('x'), [])).toEqual({
      ok: false,
      reason: 'timestamp.malformed',
    });
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRecordParser } from '../../../../services/collector/pipeline/record-parser.ts';

const parser = () =>
  createRecordParser({
    format: 'raw-json',
    software: 'auto',
    timeZone: 'UTC',
    host: 'collector.example.nl',
    referenceMs: () => Date.UTC(2026, 10, 22),
    state: undefined,
  });
const parse = (record: unknown, writtenMs = Date.UTC(2026, 10, 22, 17)) =>
  parser().parse(typeof record === 'string' ? record : JSON.stringify(record), writtenMs);

const fromFile = {
  v: '1',
  host: 'mx1.example.nl',
  file: '/var/log/postfix.log',
  offset: '165',
  time: '2026-11-22T16:16:53.000000+00:00',
  line: 'Nov 22 17:16:53 mx1 postfix/submission/smtpd[123]: connect from unknown[192.0.2.1]',
};
const fromSocket = {
  v: '1',
  host: 'mx1.example.nl',
  time: '2026-11-22T16:16:53.123456+00:00',
  received: '2026-11-22T16:16:53.123999+00:00',
  tag: 'postfix/submission/smtpd[123]:',
  message: ' connect from unknown[192.0.2.1]',
};
const identityOf = (record: unknown, writtenMs?: number): unknown => {
  const parsed = parse(record, writtenMs);
  return typeof parsed === 'string' ? parsed : parsed.identity;
};

describe('a record of the raw topic', () => {
  it('is a line of a file: what the line says, with the time and the host that the daemon has put to it', () => {
    expect(parse(fromFile)).toEqual({
      record: {
        timeMs: Date.UTC(2026, 10, 22, 16, 16, 53),
        timeNote: 'year',
        host: 'mx1.example.nl',
        program: 'postfix/submission/smtpd',
        pid: '123',
        message: 'connect from unknown[192.0.2.1]',
      },
      identity: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
  });

  it('is a message from a socket, taken apart', () => {
    expect(parse(fromSocket)).toEqual({
      record: {
        timeMs: Date.UTC(2026, 10, 22, 16, 16, 53, 123),
        host: 'mx1.example.nl',
        program: 'postfix/submission/smtpd',
        pid: '123',
        message: 'connect from unknown[192.0.2.1]',
      },
      identity: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
  });

  it('is also a line of Dovecot’s own file, and one of its events', () => {
    const own = { ...fromFile, line: 'Nov 22 17:16:53 imap-login: Info: Login: user=<alice>, method=PLAIN' };
    expect(parse(own)).toMatchObject({ record: { program: 'dovecot', host: 'mx1.example.nl' } });
    const event = { event: 'auth_request_finished', hostname: 'other', start_time: '2026-11-22T16:16:53.5Z' };
    const parsed = parse({ ...fromFile, line: JSON.stringify(event) });
    expect(typeof parsed === 'string' ? parsed : parsed.record.host).toBe('mx1.example.nl');
  });

  it('takes a line’s own time where that has a zone', () => {
    const line = '2026-11-22T17:16:53.123456+01:00 mx1 postfix/qmgr[9]: 4Wx: removed';
    const parsed = parse({ ...fromFile, line });
    expect(parsed).toMatchObject({ record: { timeMs: Date.UTC(2026, 10, 22, 16, 16, 53, 123) } });
    expect(parsed).not.toHaveProperty('record.timeNote');
  });

  it('has last year’s date where the daemon has put this year to December’s lines in January', () => {
    const line = 'Dec 31 23:59:59 mx1 postfix/qmgr[9]: 4Wx: removed';
    const record = { ...fromFile, line, time: '2027-12-31T23:59:59.000000+00:00' };
    expect(parse(record, Date.UTC(2027, 0, 1, 0, 0, 5))).toMatchObject({
      record: { timeMs: Date.UTC(2026, 11, 31, 23, 59, 59) },
    });
  });

  it('has one identity whenever it is sent, in another year or zone, too', () => {
    const again = { ...fromFile, time: '2027-11-22T17:16:53.000000+00:00' };
    expect(identityOf(again, Date.UTC(2027, 10, 22))).toBe(identityOf(fromFile));
  });

  it.each([
    ['file', { ...fromFile, file: '/var/log/mail.log' }],
    ['offset', { ...fromFile, offset: '166' }],
    ['host', { ...fromFile, host: 'mx2.example.nl' }],
    ['line', { ...fromFile, line: `${fromFile.line}.` }],
  ])('has another identity where its %s is another', (_, other) => {
    expect(identityOf(other)).not.toBe(identityOf(fromFile));
  });

  it('has another identity where it arrived in another microsecond', () => {
    const next = { ...fromSocket, received: '2026-11-22T16:16:53.124000+00:00' };
    expect(identityOf(next)).not.toBe(identityOf(fromSocket));
  });

  it.each([
    ['no JSON', 'Nov 22 17:16:53 mx1 postfix/qmgr[9]: x', 'json.malformed'],
    ['nothing', '', 'json.malformed'],
    ['a list', [fromFile], 'raw.schema'],
    ['another version', { ...fromFile, v: '2' }, 'raw.schema'],
    ['a member too many', { ...fromFile, subject: 'x' }, 'raw.schema'],
    ['no place in its file', { ...fromFile, offset: undefined }, 'raw.schema'],
    ['an offset that is none', { ...fromFile, offset: '-1' }, 'raw.schema'],
    ['no time of arrival', { ...fromSocket, received: undefined }, 'raw.schema'],
    ['an arrival to the second only', { ...fromSocket, received: '2026-11-22T16:16:53Z' }, 'raw.schema'],
    ['a time without a zone', { ...fromSocket, time: '2026-11-22T16:16:53' }, 'raw.schema'],
    ['a line that is too long', { ...fromFile, line: 'x'.repeat(16 * 1024 + 1) }, 'raw.schema'],
    ['a host that is none', { ...fromFile, host: 'no host' }, 'raw.host'],
    ['a tag that is none', { ...fromSocket, tag: 'no tag here' }, 'raw.tag'],
    ['a line without a header', { ...fromFile, line: 'hello' }, 'header.unknown'],
  ])('is not understood, and says why, with %s', (_, record, reason) => {
    expect(parse(record)).toBe(reason);
  });

  it('never throws, whatever it is', () => {
    const raw = parser();
    const mixed = fc.record(
      {
        v: fc.constantFrom('1', 1),
        host: fc.constantFrom('mx1', '::1', '', 'ü'),
        file: fc.string(),
        offset: fc.oneof(fc.nat().map(String), fc.anything()),
        time: fc.oneof(fc.constant(fromFile.time), fc.string()),
        line: fc.oneof(
          fc.string(),
          fc.string().map((s) => fromFile.line + s),
          fc.json(),
        ),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(mixed, fc.anything(), fc.string()), (value) => {
        const parsed = raw.parse(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
        expect(['string', 'object']).toContain(typeof parsed);
      }),
    );
  });
});

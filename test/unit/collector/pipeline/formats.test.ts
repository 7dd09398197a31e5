import { describe, expect, it } from 'vitest';
import { parseJournalLine } from '../../../../services/collector/pipeline/journal-record.ts';
import {
  createRecordParser,
  type RecordParserOptions,
} from '../../../../services/collector/pipeline/record-parser.ts';

const cursor =
  's=739ad463348b4ceca5a9e69c95a3c93f;i=4ece7;b=6c7c6013a26343b29e964691ff25d04c;m=4fc72436e;t=4c508a72423d9;x=d3e5610681098c10';
const entry = (fields: Record<string, unknown>): string =>
  JSON.stringify({
    __CURSOR: cursor,
    __REALTIME_TIMESTAMP: '1795345200123456',
    _HOSTNAME: 'MX1.Example.org',
    SYSLOG_IDENTIFIER: 'postfix/smtpd',
    SYSLOG_PID: '7',
    _PID: '8',
    MESSAGE: 'connect from unknown[192.0.2.1]',
    ...fields,
  });

describe("a line of the journal's JSON", () => {
  it('gives time, host, program, process and message, and its place in the journal', () => {
    expect(parseJournalLine(entry({}), 'fallback')).toEqual({
      position: 's=739ad463348b4ceca5a9e69c95a3c93f;i=4ece7',
      record: {
        timeMs: 1795345200123,
        host: 'mx1.example.org',
        program: 'postfix/smtpd',
        pid: '7',
        message: 'connect from unknown[192.0.2.1]',
      },
    });
  });

  it('takes a message of bytes, the first of a field that is there twice, and one line of several', () => {
    const bytes = [...Buffer.from('a\xe9\n', 'latin1')];
    expect(parseJournalLine(entry({ MESSAGE: bytes, SYSLOG_PID: ['1', '2'] }), 'h')).toMatchObject({
      record: { message: 'a\ufffd ', pid: '1' },
    });
  });

  it('takes the command for the program, and the configured host, where others are missing', () => {
    const line = entry({ SYSLOG_IDENTIFIER: undefined, _COMM: 'dovecot', _HOSTNAME: undefined });
    expect(parseJournalLine(line, 'fallback')).toMatchObject({
      record: { program: 'dovecot', host: 'fallback' },
    });
  });

  it('names a cursor of another form by its hash', () => {
    const named = parseJournalLine(entry({ __CURSOR: 'x'.repeat(300) }), 'h');
    expect(named).toMatchObject({ position: expect.stringMatching(/^cursor:[0-9a-f]{32}$/) });
  });

  for (const [what, line, reason] of [
    ['is cut', entry({}).slice(0, -5), 'json.malformed'],
    ['is a list', '[]', 'json.not_an_object'],
    ['has no time', entry({ __REALTIME_TIMESTAMP: undefined }), 'header.bad_time'],
    ['has an impossible time', entry({ __REALTIME_TIMESTAMP: '9e99' }), 'header.bad_time'],
    ['has no message', entry({ MESSAGE: null }), 'header.unknown'],
    ['has no program', entry({ SYSLOG_IDENTIFIER: {} }), 'header.unknown'],
  ] as const) {
    it(`that ${what} is not understood: ${reason}`, () => {
      expect(parseJournalLine(line, 'h')).toBe(reason);
    });
  }
});

describe('the format auto', () => {
  const options: RecordParserOptions = {
    format: 'auto',
    software: 'auto',
    timeZone: 'Europe/Amsterdam',
    host: 'own.example.org',
    referenceMs: () => Date.UTC(2026, 10, 23),
    state: undefined,
  };
  const parse = (line: string, more: Partial<RecordParserOptions> = {}) =>
    createRecordParser({ ...options, ...more }).parse(line);

  it('knows syslog with and without a host', () => {
    expect(parse('Nov 22 17:03:40 mx1 postfix/smtpd[10]: connect from a[192.0.2.1]')).toMatchObject({
      record: { host: 'mx1', program: 'postfix/smtpd', timeMs: Date.UTC(2026, 10, 22, 16, 3, 40) },
    });
    expect(parse('Nov 22 17:03:40 postfix/smtpd[10]: x: Info: y')).toMatchObject({
      record: { host: 'own.example.org', program: 'postfix/smtpd' },
    });
  });

  it("knows Dovecot's own log from what syslog makes of it", () => {
    expect(parse('Nov 22 17:16:53 imap-login: Info: Login: user=<a>')).toMatchObject({
      record: { host: 'own.example.org', program: 'dovecot', message: 'imap-login: Info: Login: user=<a>' },
    });
    expect(parse('Nov 22 17:16:53 imap(a b)<12><x>: Info: Disconnected')).toMatchObject({
      record: { program: 'dovecot', message: 'imap(a b)<12><x>: Info: Disconnected' },
    });
    expect(parse('Nov 22 17:16:53 mx1 dovecot: imap-login: Info: Login: user=<a>')).toMatchObject({
      record: { host: 'mx1', program: 'dovecot', message: 'imap-login: Info: Login: user=<a>' },
    });
  });

  it('knows the JSON of the journal from that of Dovecot', () => {
    expect(parse(entry({}))).toMatchObject({ record: { program: 'postfix/smtpd' } });
    const event =
      '{"event":"auth_request_finished","hostname":"mx2","end_time":"2026-11-22T17:00:00.5Z","fields":{}}';
    expect(parse(event)).toMatchObject({ record: { host: 'mx2' } });
  });

  it('infers the year as if it had never been stopped', () => {
    const lines = ['Dec 30 10:00:00 mx1 a: x', 'Jan  2 10:00:00 mx1 a: x', 'Nov 20 10:00:00 mx1 a: x'];
    const whole = createRecordParser(options);
    const wanted = lines.map((line) => whole.parse(line));
    let state: string | undefined;
    const got = lines.map((line) => {
      const parser = createRecordParser({ ...options, state });
      const result = parser.parse(line);
      state = parser.state();
      return result;
    });
    expect(got).toEqual(wanted);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createHeaderParser,
  type HeaderParserOptions,
} from '../../../../services/collector/syslog/header-parser.ts';

const base: HeaderParserOptions = {
  format: 'syslog',
  timeZone: 'UTC',
  host: 'fallback.example',
  referenceMs: Date.UTC(2026, 10, 22, 18),
};
const parserOf = (options: Partial<HeaderParserOptions> = {}) => createHeaderParser({ ...base, ...options });

function timeOf(parser: ReturnType<typeof parserOf>, line: string): string {
  const record = parser.parse(line);
  if (typeof record === 'string') throw new Error(record);
  return `${new Date(record.timeMs).toISOString()} ${record.timeNote ?? 'exact'}`;
}

describe('header forms', () => {
  it('reads RFC 3164 with host, program and process id', () => {
    expect(
      parserOf().parse('Nov 22 17:03:40 mx1 postfix/smtpd[10294]: connect from unknown[127.0.0.1]'),
    ).toEqual({
      timeMs: Date.UTC(2026, 10, 22, 17, 3, 40),
      timeNote: 'year',
      host: 'mx1',
      program: 'postfix/smtpd',
      pid: '10294',
      message: 'connect from unknown[127.0.0.1]',
    });
  });

  it('reads RFC 3339 with fraction and offset, which is exact', () => {
    const parser = parserOf({ timeZone: 'Europe/Amsterdam' });
    expect(parser.parse('2024-08-26T01:33:38.572449+02:00 machine postfix/smtpd[60203]: x')).toEqual({
      timeMs: Date.UTC(2024, 7, 25, 23, 33, 38, 572),
      host: 'machine',
      program: 'postfix/smtpd',
      pid: '60203',
      message: 'x',
    });
    expect(timeOf(parser, '2024-02-29T23:59:60Z mx1 postfix/qmgr[1]: x')).toBe(
      '2024-03-01T00:00:00.000Z exact',
    );
    expect(timeOf(parser, '2024-02-29T10:00:00.5-03:30 mx1 a: x')).toBe('2024-02-29T13:30:00.500Z exact');
  });

  it('accepts one or two blanks before the day, a priority, and a line without host or process id', () => {
    expect(timeOf(parserOf(), 'Nov  2 01:00:00 mx1 a[1]: x')).toBe('2026-11-02T01:00:00.000Z year');
    expect(timeOf(parserOf(), 'Nov 2 01:00:00 mx1 a[1]: x')).toBe('2026-11-02T01:00:00.000Z year');
    expect(timeOf(parserOf(), 'Nov 02 01:00:00 mx1 a[1]: x')).toBe('2026-11-02T01:00:00.000Z year');
    expect(parserOf().parse('<22>Nov 22 17:03:40 postfix/smtpd[7]: x')).toMatchObject({
      host: 'fallback.example',
      program: 'postfix/smtpd',
      pid: '7',
      message: 'x',
    });
    const bare = parserOf().parse('Nov 22 17:03:40 MX1.Example.NL. postfix-in/submission/smtpd: a b');
    expect(bare).toMatchObject({
      host: 'mx1.example.nl',
      program: 'postfix-in/submission/smtpd',
      message: 'a b',
    });
    expect(bare).not.toHaveProperty('pid');
  });

  it("reads Dovecot's own log file, which names no host and no program", () => {
    const line = 'Nov 22 17:16:53 imap-login: Info: Login: user=<alice>';
    expect(parserOf({ format: 'dovecot' }).parse(line)).toEqual({
      timeMs: Date.UTC(2026, 10, 22, 17, 16, 53),
      timeNote: 'year',
      host: 'fallback.example',
      program: 'dovecot',
      message: 'imap-login: Info: Login: user=<alice>',
    });
  });

  it.each([
    ['', 'header.unknown'],
    ['hello', 'header.unknown'],
    ['Nov 22 17:03:40', 'header.unknown'],
    ['Nov 22 17:03:40 mx1', 'header.unknown'],
    ['Nov 22 17:03:40 mx1 no colon here', 'header.unknown'],
    ['Nov 22 17.03.40 mx1 a: x', 'header.unknown'],
    ['Nov 31 17:03:40 mx1 a: x', 'header.bad_time'],
    ['Nov 22 24:00:00 mx1 a: x', 'header.bad_time'],
    ['Nov 22 aa:00:00 mx1 a: x', 'header.bad_time'],
    ['2023-02-29T10:00:00Z mx1 a: x', 'header.bad_time'],
    ['2024-02-29T10:00:00 mx1 a: x', 'header.bad_time'],
    ['2024-02-29T10:00:00+0100 mx1 a: x', 'header.bad_time'],
  ])('names the reason why %j has no header', (line, reason) => {
    expect(parserOf().parse(line)).toBe(reason);
  });

  it('never throws, whatever the line', () => {
    const parser = parserOf();
    const line = fc.oneof(
      fc.string(),
      fc.string().map((tail) => `Nov 22 17:03:40 ${tail}`),
    );
    fc.assert(fc.property(line, (text) => ['string', 'object'].includes(typeof parser.parse(text))));
  });
});

describe('the year that RFC 3164 leaves out', () => {
  it('is the latest that does not put the first line more than a day after the reference', () => {
    const referenceMs = Date.UTC(2026, 0, 1, 0, 5);
    expect(timeOf(parserOf({ referenceMs }), 'Dec 31 23:59:00 mx1 a: x')).toBe(
      '2025-12-31T23:59:00.000Z year',
    );
    expect(timeOf(parserOf({ referenceMs }), 'Jan  2 00:04:00 mx1 a: x')).toBe(
      '2026-01-02T00:04:00.000Z year',
    );
    expect(timeOf(parserOf({ referenceMs }), 'Jan  2 00:06:00 mx1 a: x')).toBe(
      '2025-01-02T00:06:00.000Z year',
    );
  });

  it('goes on across New Year, and back for a line that is late', () => {
    const parser = parserOf({ referenceMs: Date.UTC(2026, 0, 1) });
    expect(timeOf(parser, 'Dec 31 23:59:59 mx1 a: x')).toBe('2025-12-31T23:59:59.000Z year');
    expect(timeOf(parser, 'Jan  1 00:00:00 mx1 a: x')).toBe('2026-01-01T00:00:00.000Z year');
    expect(timeOf(parser, 'Dec 31 23:59:59 mx1 a: x')).toBe('2025-12-31T23:59:59.000Z year');
    expect(timeOf(parser, 'Jan  1 00:00:01 mx1 a: x')).toBe('2026-01-01T00:00:01.000Z year');
  });

  it('holds across two weeks of silence over New Year', () => {
    const parser = parserOf({ referenceMs: Date.UTC(2025, 11, 24) });
    timeOf(parser, 'Dec 23 12:00:00 mx1 a: x');
    expect(timeOf(parser, 'Jan  6 12:00:00 mx1 a: x')).toBe('2026-01-06T12:00:00.000Z year');
  });

  it('is a leap year for 29 February', () => {
    expect(timeOf(parserOf(), 'Feb 29 12:00:00 mx1 a: x')).toBe('2024-02-29T12:00:00.000Z year');
    const parser = parserOf({ referenceMs: Date.UTC(2024, 1, 28) });
    timeOf(parser, 'Feb 28 23:59:59 mx1 a: x');
    expect(timeOf(parser, 'Feb 29 00:00:00 mx1 a: x')).toBe('2024-02-29T00:00:00.000Z year');
    expect(timeOf(parser, 'Mar  1 00:00:00 mx1 a: x')).toBe('2024-03-01T00:00:00.000Z year');
  });
});

describe('the zone that RFC 3164 leaves out', () => {
  const timeZone = 'Europe/Amsterdam';

  it("is the source's, in winter and in summer", () => {
    const referenceMs = Date.UTC(2026, 11, 1);
    expect(timeOf(parserOf({ timeZone, referenceMs }), 'Nov 22 17:03:40 mx1 a: x')).toBe(
      '2026-11-22T16:03:40.000Z year',
    );
    expect(timeOf(parserOf({ timeZone, referenceMs }), 'Jul 22 17:03:40 mx1 a: x')).toBe(
      '2026-07-22T15:03:40.000Z year',
    );
  });

  it('tells the two passes of the repeated hour of autumn apart by the order of lines, and flags both', () => {
    const parser = parserOf({ timeZone, referenceMs: Date.UTC(2026, 9, 25, 12) });
    expect(timeOf(parser, 'Oct 25 01:59:59 mx1 a: x')).toBe('2026-10-24T23:59:59.000Z year');
    expect(timeOf(parser, 'Oct 25 02:00:00 mx1 a: x')).toBe('2026-10-25T00:00:00.000Z ambiguous');
    expect(timeOf(parser, 'Oct 25 02:59:59 mx1 a: x')).toBe('2026-10-25T00:59:59.000Z ambiguous');
    expect(timeOf(parser, 'Oct 25 02:00:01 mx1 a: x')).toBe('2026-10-25T01:00:01.000Z ambiguous');
    expect(timeOf(parser, 'Oct 25 02:30:00 mx1 a: x')).toBe('2026-10-25T01:30:00.000Z ambiguous');
    expect(timeOf(parser, 'Oct 25 03:00:00 mx1 a: x')).toBe('2026-10-25T02:00:00.000Z year');
  });

  it('reads a time that the clock skipped in spring with the offset from before', () => {
    const parser = parserOf({ timeZone, referenceMs: Date.UTC(2026, 2, 30) });
    expect(timeOf(parser, 'Mar 29 01:59:59 mx1 a: x')).toBe('2026-03-29T00:59:59.000Z year');
    expect(timeOf(parser, 'Mar 29 02:30:00 mx1 a: x')).toBe('2026-03-29T01:30:00.000Z year');
    expect(timeOf(parser, 'Mar 29 03:00:00 mx1 a: x')).toBe('2026-03-29T01:00:00.000Z year');
  });

  it('refuses a zone that does not exist', () => {
    expect(() => parserOf({ timeZone: 'Europe/Atlantis' })).toThrow(RangeError);
  });
});

describe('a restart', () => {
  const lines = [
    'Oct 25 01:30:00 mx1 a: x',
    'Oct 25 02:10:00 mx1 a: x',
    'Oct 25 02:50:00 mx1 a: x',
    'Oct 25 02:15:00 mx1 a: x',
    'Dec 31 23:59:58 mx1 a: x',
    'Jan  1 00:00:02 mx1 a: x',
    '2027-01-01T12:00:00Z mx1 a: x',
    'Jan 20 00:00:02 mx1 a: x',
    'broken',
    'Feb 28 00:00:02 mx1 a: x',
  ];

  it('at any line, under any new reference, reads the same times from the checkpointed state', () => {
    const options = { timeZone: 'Europe/Amsterdam', referenceMs: Date.UTC(2026, 9, 25, 12) };
    const whole = parserOf(options);
    const expected = lines.map((line) => whole.parse(line));
    for (let cut = 1; cut < lines.length; cut++) {
      const before = parserOf(options);
      const times = lines.slice(0, cut).map((line) => before.parse(line));
      const state = before.state();
      const after = parserOf({ ...options, referenceMs: Date.UTC(2031, 5, 1), ...(state && { state }) });
      times.push(...lines.slice(cut).map((line) => after.parse(line)));
      expect(times, `cut before line ${cut}`).toEqual(expected);
    }
  });

  it('has no state before the first line, and refuses a state that is not its own', () => {
    expect(parserOf().state()).toBeUndefined();
    expect(() => parserOf({ state: '{"lastMs":"x"}' })).toThrow(SyntaxError);
  });
});

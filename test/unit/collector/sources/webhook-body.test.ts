import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEvent } from '../../../../services/collector/dovecot/event.ts';
import { parseDovecotEventHeader } from '../../../../services/collector/dovecot/index.ts';
import { createRecordParser } from '../../../../services/collector/pipeline/record-parser.ts';
import { linesOf } from '../../../../services/collector/sources/webhook/body-lines.ts';
import { sieve } from '../../../../services/collector/sources/webhook/sieve.ts';
import { vector } from '../dovecot/support.ts';

const lines = (text: string, mediaType: Parameters<typeof linesOf>[1] = 'application/x-ndjson') =>
  linesOf(Buffer.from(text), mediaType, 'auto');

const login = {
  event: 'auth_request_finished',
  hostname: 'mx1.example.nl',
  start_time: '2026-11-22T18:00:00.000001Z',
  end_time: '2026-11-22T18:00:01.518263Z',
  categories: ['service:auth', 'auth'],
  fields: { success: 'yes', service: 'imap', user: 'alice', session: 'abc', remote_ip: '203.0.113.9' },
};

const parserOf = (format: 'auto' | 'dovecot-events') =>
  createRecordParser({
    format,
    software: 'auto',
    timeZone: 'UTC',
    host: 'mx1.example.nl',
    referenceMs: () => Date.UTC(2026, 10, 22),
    state: undefined,
  });

/** Values of every kind that an exporter could put into a member. */
const anything = fc.jsonValue({ maxDepth: 2 });
const eventNames = [
  'auth_request_finished',
  'mail_user_session_finished',
  'proxy_session_finished',
  'mail_delivery_finished',
  'smtp_server_transaction_rcpt_finished',
  'imap_command_finished',
  'pop3_command_finished',
  'something_else',
];
const fieldNames = [
  ...['success', 'policy_result', 'service', 'protocol', 'transport', 'user', 'session', 'remote_ip'],
  ...['real_remote_ip', 'remote_port', 'net_in_bytes', 'net_out_bytes', 'mail_from', 'rcpt_to', 'message_id'],
  ...['message_size', 'data_size', 'status_code', 'enhanced_code', 'cmd_name', 'reason_code', 'error'],
  ...['message_subject', 'cmd_args', 'mailbox', 'tagged_reply'],
];
const usual = fc.constantFrom<unknown>(
  ...['yes', 'imap', 'pop3', 'smtp', 'TLS', 'alice', '203.0.113.9', 'RETR', '<a@b>', '', '2.0.0'],
  ...[0, 1, 250, 450, 550, 4096, ['imap:fetch_body'], ['imap:cmd_fetch', 7], null, true],
);
const document = fc.record(
  {
    event: fc.oneof(fc.constantFrom(...eventNames), anything),
    hostname: fc.oneof(fc.constant('mx1.example.nl'), anything),
    start_time: fc.oneof(fc.constant('2026-11-22T18:00:00.000001Z'), anything),
    end_time: fc.oneof(fc.constant('2026-11-22T18:00:00.000001Z'), fc.constant(1795370401.5), anything),
    categories: fc.oneof(
      fc.constant(['service:imap', 'imap']),
      fc.constant(['service:lmtp', 'lmtp']),
      fc.constant(['service:submission']),
      anything,
    ),
    fields: fc.oneof(
      fc.dictionary(fc.constantFrom(...fieldNames), fc.oneof({ weight: 4, arbitrary: usual }, anything)),
      anything,
    ),
    more: anything,
  },
  { requiredKeys: [] },
);

describe('the lines of a delivery', () => {
  it('are one a line, without empty ones, or one document whatever it is written on', () => {
    expect(lines('{"event":"x"}\r\n\n{"event":"y"}')?.map(({ text }) => text)).toEqual([
      '{"event":"x"}',
      '{"event":"y"}',
    ]);
    expect(lines('{\n "event":\r\n  "x"\n}\n', 'application/json')?.map(({ text }) => text)).toEqual([
      '{"event":"x"}',
    ]);
    expect(lines('Nov 22 18:00:00 mx1 dovecot: a\nb', 'text/plain')?.map(({ text }) => text)).toEqual([
      'Nov 22 18:00:00 mx1 dovecot: a',
      'b',
    ]);
    expect(lines('\n \n')).toEqual([]);
  });

  it('are named where they are too long or no UTF-8, and are bounded in number', () => {
    expect(lines(`${'x'.repeat(20_000)}\n{"event":"y"}`, 'text/plain')).toMatchObject([
      { text: '', problem: 'line.too_long' },
      { text: '{"event":"y"}' },
    ]);
    expect(linesOf(Buffer.from([0x61, 0xff]), 'text/plain', 'auto')).toEqual([
      { text: 'a\ufffd', problem: 'line.not_utf8' },
    ]);
    expect(lines('x\n'.repeat(10_000), 'text/plain')?.length).toBe(10_000);
    expect(lines('x\n'.repeat(10_001), 'text/plain')).toBeUndefined();
    expect(lines(`${'x\n'.repeat(10_000)}x`, 'text/plain')).toBeUndefined();
  });

  it('are one event’s each where they say so: documents, and log lines with microseconds', () => {
    const identity = (text: string, mediaType?: Parameters<typeof linesOf>[1]) =>
      lines(text, mediaType)?.[0]?.identity;
    expect(identity(JSON.stringify(login))).toMatch(/^[0-9a-f]{32}$/);
    expect(identity(JSON.stringify(login))).toBe(identity(`${JSON.stringify(login)}\n`, 'application/json'));
    expect(identity(JSON.stringify(login))).not.toBe(identity(JSON.stringify({ ...login, more: 1 })));
    expect(identity('2026-11-22T18:00:00.123456+01:00 mx1 dovecot: x', 'text/plain')).toBeDefined();
    // Two such lines in one second are two events.
    expect(
      identity('Nov 22 18:00:00 mx1 postfix/smtpd[1]: NOQUEUE: reject: x', 'text/plain'),
    ).toBeUndefined();
    expect(identity('2026-11-22T18:00:00+01:00 mx1 dovecot: x', 'text/plain')).toBeUndefined();
    expect(identity('2026-11-22T18:00:00.000000+01:00 mx1 dovecot: x', 'text/plain')).toBeUndefined();
  });
});

describe('the sieve in front of the disk', () => {
  it('lets no content through, wherever an exporter puts it', () => {
    const planted = 'planted-content';
    const long = `<${JSON.stringify({ subject: planted })}${'x'.repeat(300)}>`;
    const document = {
      ...login,
      message_subject: planted,
      categories: ['auth', `a ${planted} b`, { planted }],
      fields: {
        ...login.fields,
        message_subject: planted,
        cmd_args: planted,
        error: planted,
        mailbox: planted,
        tagged_reply: planted,
        message_id: long,
        user: { planted },
        reason_code: [planted.replace('-', ' '), 'imap:fetch_body'],
        __proto__: { planted },
      },
    };
    const [kept] = lines(JSON.stringify(document)) ?? [];
    expect(kept?.text).not.toContain('planted');
    expect(kept?.text).toContain('sha256:');
    expect(kept?.text).toContain('imap:fetch_body');
  });

  it('keeps nothing of what no adapter reads', () => {
    const stalwart = {
      events: [{ id: '1', type: 'auth.success', data: { accountName: 'alice@example.nl' } }],
    };
    const kumo = { type: 'Delivery', id: 'x', sender: 'a@example.org', recipient: 'b@example.nl' };
    for (const each of [stalwart, kumo]) {
      expect(lines(JSON.stringify(each), 'application/json')?.map(({ text }) => text)).toEqual(['{}']);
    }
    expect(lines('[{"a":"alice"}]', 'application/json')?.map(({ text }) => text)).toEqual(['[]']);
    expect(lines('alice said {', 'application/json')?.map(({ text }) => text)).toEqual(['{']);
    expect(sieve('alice said', 'dovecot-events', false).text).toBe('{');
  });

  it('changes nothing of what the Dovecot adapter makes of a document', () => {
    fc.assert(
      fc.property(document, (value) => {
        const text = JSON.stringify(value);
        const kept = sieve(text, 'auto', true).text;
        const before = parseDovecotEventHeader(text, 'fallback.example.nl');
        const after = parseDovecotEventHeader(kept, 'fallback.example.nl');
        const header = (of: typeof before) => (typeof of === 'string' ? of : { ...of, message: '' });
        expect(header(after)).toEqual(header(before));
        expect(parseEvent(kept)).toEqual(parseEvent(text));
      }),
      { numRuns: 2_000 },
    );
  });

  it('nor of a journal entry, a broken document, or one of another kind', () => {
    const entry = JSON.stringify({
      __CURSOR: `s=${'a'.repeat(32)};i=1;b=2`,
      __REALTIME_TIMESTAMP: '1795370401518263',
      _HOSTNAME: 'mx1',
      SYSLOG_IDENTIFIER: ['dovecot', 'x'],
      SYSLOG_PID: '7',
      MESSAGE: [104, 105],
      _CMDLINE: 'planted',
    });
    const kept = sieve(entry, 'auto', true).text;
    expect(kept).not.toContain('planted');
    expect(parserOf('auto').parse(kept)).toEqual(parserOf('auto').parse(entry));
    for (const text of ['{"a":', '{', '[1]', '7', '"x"']) {
      const parser = parserOf('dovecot-events');
      expect(parser.parse(sieve(text, 'dovecot-events', true).text)).toEqual(parser.parse(text));
    }
  });

  const captured = vector('mail-logs/captured/dovecot-events.ndjson');
  it.skipIf(captured === undefined)(
    `nor of a real Dovecot’s${captured === undefined ? ' (skipped: no vectors here)' : ''}`,
    () => {
      const real = readFileSync(captured ?? '', 'utf8')
        .trim()
        .split('\n');
      expect(real.length).toBeGreaterThan(3);
      for (const text of real) expect(parseEvent(sieve(text, 'auto', true).text)).toEqual(parseEvent(text));
    },
  );
});

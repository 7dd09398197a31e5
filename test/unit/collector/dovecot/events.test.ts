import { describe, expect, it } from 'vitest';
import type { LogRecord } from '../../../../services/collector/adapter.ts';
import { dovecotAdapter, parseDovecotEventHeader } from '../../../../services/collector/dovecot/index.ts';
import { brief, correlator, record, run } from './support.ts';

type Fields = Record<string, unknown>;

function line(event: string, fields: Fields, categories: string[] = [], more: Fields = {}): string {
  const whole = {
    event,
    hostname: 'MX1.example.nl',
    start_time: '2026-11-22T18:00:00.000000Z',
    end_time: '2026-11-22T18:00:01.518263Z',
    categories,
    fields,
    ...more,
  };
  return JSON.stringify(whole);
}

function parsed(text: string): LogRecord {
  const result = parseDovecotEventHeader(text, 'fallback.example.nl');
  if (typeof result === 'string') throw new Error(result);
  return result;
}

const auth = (fields: Fields) =>
  line('auth_request_finished', {
    mechanism: 'PLAIN',
    transport: 'TLS',
    service: 'imap',
    session: 'tV9vieFgsxXLAHEJ',
    remote_ip: '203.0.113.9',
    real_remote_ip: '192.0.2.1',
    remote_port: 5555,
    user: 'alice@example.nl',
    original_user: 'Alice',
    ...fields,
  });

describe('the header of an event', () => {
  it('is its end time and its host', () => {
    const text = auth({ success: 'yes' });
    expect(parsed(text)).toEqual({
      timeMs: Date.parse('2026-11-22T18:00:01.518Z'),
      host: 'mx1.example.nl',
      program: 'dovecot/event',
      message: text,
    });
    expect(dovecotAdapter.claims(parsed(text).program)).toBe(true);
    expect(dovecotAdapter.claims('postfix/smtpd')).toBe(false);
  });

  it('may be in seconds since the epoch, and may lack a host', () => {
    const text = line('x', {}, [], { end_time: 1795370401.518263, hostname: undefined });
    expect(parsed(text)).toMatchObject({ timeMs: 1795370401518, host: 'fallback.example.nl' });
  });

  it.each([
    ['{"event":', 'json.malformed'],
    ['[]', 'json.not_an_object'],
    ['null', 'json.not_an_object'],
    ['{"end_time":"2026-11-22T18:00:01Z"}', 'dovecot.event_unnamed'],
    ['{"event":"x","end_time":"yesterday"}', 'header.bad_time'],
    ['{"event":"x","end_time":"2026-13-45T18:00:01Z"}', 'header.bad_time'],
    ['{"event":"x"}', 'header.bad_time'],
    ['{"event":"x","end_time":{"toString":0}}', 'header.bad_time'],
    ['{"event":"x","end_time":["1774203601"]}', 'header.bad_time'],
  ])('%s is refused', (text, reason) => {
    expect(parseDovecotEventHeader(text, 'h')).toBe(reason);
  });
});

describe('events', () => {
  it('tell a login with port, proxy and TLS', () => {
    expect(run([parsed(auth({ success: 'yes' }))]).map(brief)).toEqual([
      {
        type: 'session.login',
        service: 'imap',
        protocol: 'imap',
        sessionId: 'tV9vieFgsxXLAHEJ',
        recipientUser: 'alice@example.nl',
        clientIp: '203.0.113.9',
        clientPort: 5555,
        proxyIp: '192.0.2.1',
        outcome: 'ok',
        tls: true,
        correlation: 'complete',
      },
    ]);
  });

  it('tell each failed attempt', () => {
    const events = run([
      parsed(auth({})),
      parsed(auth({ policy_result: 'refused' })),
      parsed(auth({ success: 'yes' })),
    ]);
    expect(events.map((e) => [e.type, e.outcome])).toEqual([
      ['session.login_failed', 'auth_failed'],
      ['session.login_failed', 'policy_refused'],
      ['session.login', 'ok'],
    ]);
  });

  it('of 2.4 call the service a protocol', () => {
    const text = auth({ service: undefined, protocol: 'pop3', success: 'yes' });
    expect(run([parsed(text)])[0]).toMatchObject({ service: 'pop3' });
  });

  it('of an SMTP server’s client name a sender; of other services are passed over', () => {
    expect(run([parsed(auth({ service: 'smtp', session: undefined }))])[0]).toMatchObject({
      service: 'submission',
      senderUser: 'alice@example.nl',
      senderIp: '203.0.113.9',
    });
    expect(run([parsed(auth({ service: 'doveadm', success: 'yes' }))])).toEqual([]);
  });

  it('tell the logout with the login’s address, and that bodies were read', () => {
    const command = (reasons: string[]) =>
      parsed(
        line('imap_command_finished', {
          session: 'tV9vieFgsxXLAHEJ',
          cmd_name: 'FETCH',
          cmd_args: 'PLANTED',
          reason_code: reasons,
        }),
      );
    const finished = parsed(
      line(
        'mail_user_session_finished',
        { user: 'alice@example.nl', session: 'tV9vieFgsxXLAHEJ', net_in_bytes: 12, net_out_bytes: 34 },
        ['service:imap', 'imap', 'storage'],
      ),
    );
    const login = parsed(auth({ success: 'yes' }));
    const read = run([login, command(['imap:cmd_fetch', 'imap:fetch_body']), finished]);
    expect(read.map((e) => e.type)).toEqual(['session.login', 'mailbox.retrieved', 'session.logout']);
    expect(read[2]).toMatchObject({
      clientIp: '203.0.113.9',
      proxyIp: '192.0.2.1',
      bytesReceived: 12,
      bytesSent: 34,
      correlation: 'complete',
    });
    expect(run([login, command(['imap:cmd_fetch']), finished]).map((e) => e.type)).toEqual([
      'session.login',
      'session.logout',
    ]);
    expect(JSON.stringify(read)).not.toContain('PLANTED');
  });

  it('tell the end of a mail user that is no session of a client as nothing', () => {
    for (const service of ['lmtp', 'doveadm', 'indexer-worker', 'lda']) {
      const text = line('mail_user_session_finished', { user: 'a', session: 'abcd' }, [`service:${service}`]);
      expect(run([parsed(text)])).toEqual([]);
    }
    expect(
      run([parsed(line('mail_user_session_finished', { user: 'raw mail user' }, ['service:lmtp']))]),
    ).toEqual([]);
  });

  it('tell a delivery by an allow-list', () => {
    const text = line(
      'mail_delivery_finished',
      {
        protocol: 'lmtp',
        remote_ip: '192.0.2.25',
        remote_port: 60178,
        session: 'dgqnIUgyA2vaKQAAg+zDdQ:R2',
        mail_from: 'carol@example.org',
        rcpt_to: 'bob@example.nl',
        user: 'bob',
        message_id: '<m1@example.org>',
        message_subject: 'PLANTED',
        message_from: 'planted-header@example.org',
        message_size: 317,
      },
      ['lmtp', 'local-delivery'],
    );
    const events = run([parsed(text)]);
    expect(events.map(brief)).toEqual([
      {
        type: 'message.delivered',
        service: 'lmtp',
        protocol: 'lmtp',
        sessionId: 'dgqnIUgyA2vaKQAAg+zDdQ:R2',
        messageId: 'm1@example.org',
        sizeOctets: 317,
        senderAddress: 'carol@example.org',
        originHostIp: '192.0.2.25',
        recipientAddress: 'bob@example.nl',
        recipientUser: 'bob',
        deliveryHostName: 'mx1.example.nl',
        outcome: 'delivered',
        correlation: 'complete',
      },
    ]);
    expect(JSON.stringify(events)).not.toMatch(/planted/i);
  });

  it('tell an LMTP refusal with its codes, without its text', () => {
    const refused = (code: number, dsn: string) =>
      parsed(
        line(
          'smtp_server_transaction_rcpt_finished',
          {
            mail_from: '',
            rcpt_to: 'bob@example.nl',
            status_code: code,
            enhanced_code: dsn,
            error: 'PLANTED',
          },
          ['lmtp', 'smtp-server'],
        ),
      );
    const events = run([refused(451, '4.2.0'), refused(552, '5.2.2'), refused(250, '2.0.0')]);
    expect(events.map((e) => [e.type, e.replyCode, e.dsn, e.senderNull])).toEqual([
      ['message.deferred', 451, '4.2.0', true],
      ['message.rejected', 552, '5.2.2', true],
    ]);
    expect(JSON.stringify(events)).not.toContain('PLANTED');
  });

  it('tell a submission for each recipient', () => {
    const submitted = (rcpt: string, code: number) =>
      parsed(
        line(
          'smtp_server_transaction_rcpt_finished',
          {
            session: 'syRMAI8yA2t4KwAAg+zDdQ',
            remote_ip: '192.0.2.7',
            remote_port: 54638,
            mail_from: 'alice@example.nl',
            rcpt_to: rcpt,
            data_size: 116,
            status_code: code,
          },
          ['smtp-server', 'service:submission'],
        ),
      );
    expect(run([submitted('x@example.org', 250), submitted('y@example.org', 550)])).toMatchObject([
      { type: 'message.accepted', recipientAddress: 'x@example.org', senderIp: '192.0.2.7', sizeOctets: 116 },
      { type: 'message.rejected', recipientAddress: 'y@example.org', replyCode: 550 },
    ]);
  });

  it('with fields of the wrong type are not trusted', () => {
    const text = auth({
      success: true,
      user: 5,
      session: {},
      remote_ip: 'nowhere',
      remote_port: 'x',
      transport: [],
    });
    expect(run([parsed(text)]).map(brief)).toEqual([
      {
        type: 'session.login_failed',
        service: 'imap',
        protocol: 'imap',
        proxyIp: '192.0.2.1',
        clientIp: undefined,
        outcome: 'auth_failed',
        correlation: 'complete',
      },
    ]);
  });
});

describe('events inside the text log', () => {
  const embedded = (text: string) => record(`stats: Info: ${text}`);
  const textLogin = record(
    'imap-login: Info: Login: user=<alice@example.nl>, method=PLAIN, rip=203.0.113.9, lip=192.0.2.1, TLS, session=<tV9vieFgsxXLAHEJ>',
  );

  it('are read where the host has no text lines', () => {
    expect(
      run([embedded(auth({ success: 'yes' })), record(`stats: ${auth({})}`)]).map((e) => e.type),
    ).toEqual(['session.login', 'session.login_failed']);
  });

  it('are passed over where it has, whichever came first', () => {
    expect(run([textLogin, embedded(auth({ success: 'yes' }))]).map((e) => e.type)).toEqual([
      'session.login',
    ]);
    expect(run([embedded(auth({ success: 'yes' })), textLogin]).map((e) => e.type)).toEqual([
      'session.login',
    ]);
  });

  it('stay passed over after a restart', () => {
    const first = correlator();
    run([textLogin], first);
    const state = [...first.takeChanges()].flatMap(([k, v]) => (v === null ? [] : [[k, v] as const]));
    const second = dovecotAdapter.createCorrelator(state);
    expect(run([embedded(auth({}))], second)).toEqual([]);
  });
});

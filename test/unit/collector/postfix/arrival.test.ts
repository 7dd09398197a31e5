import { describe, expect, it } from 'vitest';
import { eventsOf, only } from './support.ts';

const accepted = (first: string, id = '4F0C117A3F5') =>
  only(
    eventsOf(`${first}
      postfix/cleanup[11]: ${id}: message-id=<m1@example.com>
      postfix/qmgr[12]: ${id}: from=<alice@example.nl>, size=378, nrcpt=1 (queue active)`),
    'message.accepted',
  );

describe('who handed the message in', () => {
  it('is a client with its port, in any spelling of its address', () => {
    expect(
      accepted('postfix/smtpd[10]: 4F0C117A3F5: client=mail.example.com[192.0.2.10]:51234'),
    ).toMatchObject({
      senderIp: '192.0.2.10',
      senderPort: 51234,
      originHostName: 'mail.example.com',
    });
    expect(accepted('postfix/smtpd[10]: 4F0C117A3F5: client=unknown[2001:DB8:0::7]:25')).toMatchObject({
      senderIp: '2001:db8::7',
      senderPort: 25,
    });
    expect(accepted('postfix/smtpd[10]: 4F0C117A3F5: client=unknown[::ffff:192.0.2.10]')).toMatchObject({
      originHostIp: '192.0.2.10',
    });
    expect(accepted('postfix/smtpd[10]: 4F0C117A3F5: client=unknown[unknown]')).not.toHaveProperty(
      'senderIp',
    );
  });

  it('is an authenticated user, on a submission service or on port 25', () => {
    const auth = 'client=home.example[192.0.2.10], sasl_method=PLAIN, sasl_username=Alice@Example.NL';
    const expected = { service: 'submission', senderUser: 'Alice@example.nl', senderIp: '192.0.2.10' };
    expect(accepted(`postfix/submission/smtpd[10]: 4F0C117A3F5: ${auth}`)).toMatchObject(expected);
    expect(accepted(`postfix/smtpd[10]: 4F0C117A3F5: ${auth}, sasl_sender=bob@example.nl`)).toMatchObject(
      expected,
    );
  });

  it.each([
    ['postfix/submission/smtpd', 'submission', undefined],
    ['postfix/smtps/smtpd', 'submission', undefined],
    ['postfix/submissions/smtpd', 'submission', undefined],
    ['submission/smtpd', 'submission', undefined],
    ['postfix/smtpd', 'smtp', undefined],
    ['postfix/10025/smtpd', 'smtp', undefined],
  ])('%s is the %s service', (tag, service, instance) => {
    const event = accepted(`${tag}[10]: 4F0C117A3F5: client=a.example[192.0.2.10]`);
    expect(event).toMatchObject({ service, correlation: 'complete' });
    expect(event.instance).toBe(instance);
  });

  it('is a client of a further instance, under its submission service', () => {
    const events = eventsOf(`
      postfix-in/submission/smtpd[10]: 4F0C117A3F5: client=a.example[192.0.2.10]
      postfix-in/qmgr[12]: 4F0C117A3F5: from=<alice@example.nl>, size=378, nrcpt=1 (queue active)`);
    expect(only(events, 'message.accepted')).toMatchObject({
      instance: 'postfix-in',
      service: 'submission',
      senderIp: '192.0.2.10',
    });
  });

  it('is a local program', () => {
    expect(accepted('postfix/pickup[10]: 4F0C117A3F5: uid=1000 from=<alice>')).toMatchObject({
      service: 'submission',
      protocol: 'pickup',
      senderUser: 'uid:1000',
      originHostName: 'mx1',
      correlation: 'complete',
    });
  });

  it('is whom it was before postsuper put it under a new id', () => {
    const events = eventsOf(`
      postfix/smtpd[10]: 4F0C117A3F5: client=home.example[192.0.2.10], sasl_method=PLAIN, sasl_username=alice
      postfix/cleanup[11]: 4F0C117A3F5: message-id=<m1@example.com>
      postfix/postsuper[13]: 4F0C117A3F5: requeued
      postfix/pickup[10]: 5A0C117A3F5: uid=105 from=<alice@example.nl> orig_id=4F0C117A3F5
      postfix/cleanup[11]: 5A0C117A3F5: message-id=<m1@example.com>
      postfix/qmgr[12]: 5A0C117A3F5: from=<alice@example.nl>, size=378, nrcpt=1 (queue active)`);
    expect(only(events, 'message.accepted')).toMatchObject({
      senderIp: '192.0.2.10',
      senderUser: 'alice',
      relatedQueueId: '4F0C117A3F5',
      service: 'submission',
    });
  });

  it('is the client that a content filter forwards, with the filter as the proxy', () => {
    expect(
      accepted(
        'postfix/smtpd[10]: 5A0C117A3F5: client=localhost[127.0.0.1], orig_queue_id=4F0C117A3F5, orig_client=mail.example.com[IPV6:2001:db8::7]',
        '5A0C117A3F5',
      ),
    ).toMatchObject({
      senderIp: '2001:db8::7',
      originHostName: 'mail.example.com',
      proxyIp: '127.0.0.1',
      relatedQueueId: '4F0C117A3F5',
    });
  });

  it('came over TLS where that line stands before it, from the same process and client', () => {
    const tls = (peer: string, pid: number) =>
      `postfix/smtpd[${pid}]: Anonymous TLS connection established from ${peer} to mx1.example.nl: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\n`;
    const client = 'postfix/smtpd[10]: 4F0C117A3F5: client=a.example[192.0.2.10]';
    expect(accepted(tls('a.example[192.0.2.10]', 10) + client)).toMatchObject({ tls: true });
    expect(accepted(tls('a.example[192.0.2.10]', 11) + client)).not.toHaveProperty('tls');
    expect(accepted(tls('b.example[192.0.2.11]', 10) + client)).not.toHaveProperty('tls');
    const gone = 'postfix/smtpd[10]: disconnect from a.example[192.0.2.10]\n';
    expect(accepted(tls('a.example[192.0.2.10]', 10) + gone + client)).not.toHaveProperty('tls');
  });
});

describe('address verification', () => {
  it('is no traffic: a probe gives no event', () => {
    expect(
      eventsOf(`
        postfix/cleanup[11]: 4F0C117A3F5: message-id=<probe@mx1>
        postfix/qmgr[12]: 4F0C117A3F5: from=<double-bounce@mx1.example.nl>, size=200, nrcpt=1 (queue active)
        postfix/smtp[14]: 4F0C117A3F5: to=<bob@far.example>, relay=mx.far.example[192.0.2.25]:25, delay=1, delays=0/0/0/1, dsn=2.1.5, status=deliverable (250 2.1.5 Ok)
        postfix/smtp[14]: 4F0C117A3F5: to=<eve@far.example>, relay=mx.far.example[192.0.2.25]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=undeliverable (host mx.far.example[192.0.2.25] said: 550 5.1.1 No (in reply to RCPT TO command))
        postfix/qmgr[12]: 4F0C117A3F5: removed`),
    ).toEqual([]);
  });
});

describe('failed logins', () => {
  const failed = (tag: string, rest: string) =>
    only(eventsOf(`${tag}[10]: warning: ${rest}`), 'session.login_failed');

  it('are events with the address, on the service that was tried', () => {
    expect(
      failed(
        'postfix/submission/smtpd',
        'unknown[192.168.1.1]:4711: SASL LOGIN authentication failed: UGFzc3dvcmQ6',
      ),
    ).toEqual({
      type: 'session.login_failed',
      occurredAt: '2026-11-22T17:00:01.000Z',
      host: 'mx1',
      software: 'postfix',
      service: 'submission',
      correlation: 'complete',
      senderIp: '192.168.1.1',
      senderPort: 4711,
      clientIp: '192.168.1.1',
      clientPort: 4711,
      outcome: 'auth_failed',
    });
  });

  it('carry the name that was tried, where Postfix logs it', () => {
    const event = failed(
      'postfix/smtpd',
      'a.example[192.0.2.1]: SASL PLAIN authentication failed: (reason unavailable), sasl_username=bob@Example.NL',
    );
    expect(event).toMatchObject({ senderUser: 'bob@example.nl', service: 'smtp' });
    expect(
      failed(
        'postfix/smtpd',
        'a.example[192.0.2.1]: SASL PLAIN authentication failed: x, sasl_username=(unavailable)',
      ),
    ).not.toHaveProperty('senderUser');
  });

  it('are counted where rsyslog folds them into one line', () => {
    const events = eventsOf(
      'postfix/smtpd[10]: message repeated 3 times: [ warning: unknown[192.0.2.1]: SASL LOGIN authentication failed: UGFzc3dvcmQ6]',
    );
    expect(events.map((event) => event.senderIp)).toEqual(['192.0.2.1', '192.0.2.1', '192.0.2.1']);
  });
});

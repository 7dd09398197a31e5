import { describe, expect, it } from 'vitest';
import { dovecotAdapter } from '../../../../services/collector/dovecot/index.ts';
import { brief, correlator, muchLater, record, run } from './support.ts';

const login = (service: string, session = 'XhPEpOBgyMh/AAAB', seconds = 0) =>
  record(
    `${service}-login: Info: Login: user=<alice@example.nl>, method=PLAIN, rip=192.0.2.7, lip=198.51.100.1, mpid=17, TLS, session=<${session}>`,
    seconds,
  );
const line = (service: string, text: string, seconds = 60, session = 'XhPEpOBgyMh/AAAB') =>
  record(`${service}(alice@example.nl)<17><${session}>: Info: ${text}`, seconds);

describe('a logout', () => {
  it.each([
    [
      'imap',
      'Disconnected: Logged out in=49 out=801 deleted=0 expunged=0 trashed=0 hdr_count=0 hdr_bytes=0 body_count=0 body_bytes=0',
      49,
      801,
    ],
    [
      'imap',
      'Disconnected: Connection closed (IDLE running for 0.001 + waiting input/output for 60 secs, 2 B in + 10 B out) in=5 out=6',
      5,
      6,
    ],
    ['imap', 'Logged out in=1 out=2', 1, 2],
    ['imap', 'Disconnected for inactivity in=1 out=2 deleted=0', 1, 2],
    ['imap', 'Disconnected: Logged out bytes=123/456', 123, 456],
    ['managesieve', 'Disconnected: Logged out bytes=359/95', 359, 95],
    ['submission', 'Disconnected: Logged out (state=READY) in=439 out=277', 439, 277],
    ['imap', 'Disconnected: Too many invalid IMAP commands.', undefined, undefined],
  ])('of %s: %s', (service, text, received, sent) => {
    const into = correlator();
    const [, logout, ...more] = run([login(service), line(service, text)], into);
    expect(more).toEqual([]);
    expect(logout).toMatchObject({
      type: 'session.logout',
      sessionId: 'XhPEpOBgyMh/AAAB',
      clientIp: '192.0.2.7',
      tls: true,
      correlation: 'complete',
      occurredAt: '2026-11-22T18:01:00.000Z',
    });
    expect([logout?.bytesReceived, logout?.bytesSent]).toEqual([received, sent]);
    expect(into.openCount).toBe(0);
  });

  it('without its login is partial, and still says who and when', () => {
    const [logout] = run([line('imap', 'Disconnected: Logged out in=1 out=2'), muchLater]);
    expect(brief(logout ?? ({} as never))).toEqual({
      type: 'session.logout',
      service: 'imap',
      protocol: 'imap',
      sessionId: 'XhPEpOBgyMh/AAAB',
      recipientUser: 'alice@example.nl',
      bytesReceived: 1,
      bytesSent: 2,
      correlation: 'partial',
    });
  });

  it('is told apart by host', () => {
    const elsewhere = { ...line('imap', 'Disconnected: Logged out in=1 out=2'), host: 'mx2.example.nl' };
    expect(run([login('imap'), elsewhere, muchLater])[1]).toMatchObject({ correlation: 'partial' });
  });

  it('of Dovecot before 2.2.36 has no session id', () => {
    const [logout] = run([record('imap(alice@example.nl): Disconnected: Logged out in=12 out=34')]);
    expect(logout).toMatchObject({
      type: 'session.logout',
      recipientUser: 'alice@example.nl',
      correlation: 'partial',
    });
  });

  it('from hibernation ends the session', () => {
    const records = [
      login('imap'),
      record(
        'imap-hibernate(alice@example.nl)<9><XhPEpOBgyMh/AAAB>: Info: Disconnected: Connection closed in=8 out=9',
        5,
      ),
    ];
    expect(run(records)[1]).toMatchObject({ type: 'session.logout', clientIp: '192.0.2.7', bytesSent: 9 });
  });

  it('is not any other line of the session', () => {
    const others = [
      line('imap', 'copy from INBOX: box=Private, uid=3, msgid=<x@y>, size=9, subject=Secret'),
      line('imap', 'ID sent: name=Mail, version=1'),
      record('imap(alice@example.nl)<17><XhPEpOBgyMh/AAAB>: Error: Disconnected: in=1 out=2'),
    ];
    expect(run([login('imap'), ...others]).map((e) => e.type)).toEqual(['session.login']);
  });
});

describe('a logout that is logged before its login', () => {
  const session = '2nSovOFgjuTAAAJA';
  const early = line(
    'pop3',
    'Disconnected: Logged out top=0/0, retr=1/1168, del=0/3, size=3041',
    60,
    session,
  );
  const late = login('pop3', session, 60);

  it('waits for it, and then has its address', () => {
    const into = correlator();
    expect(run([early], into)).toEqual([]);
    expect(run([late, muchLater], into)).toMatchObject([
      { type: 'session.login' },
      { type: 'mailbox.retrieved', clientIp: '192.0.2.7', correlation: 'complete' },
      { type: 'session.logout', clientIp: '192.0.2.7', correlation: 'complete', bytesSent: 1168 },
    ]);
    expect(into.openCount).toBe(0);
  });

  it('waits across a restart', () => {
    const into = correlator();
    run([early], into);
    const state = [...into.takeChanges()].flatMap(([k, v]) => (v === null ? [] : [[k, v] as const]));
    const events = run([late], dovecotAdapter.createCorrelator(state));
    expect(events.map((e) => [e.type, e.correlation])).toEqual([
      ['session.login', 'complete'],
      ['mailbox.retrieved', 'complete'],
      ['session.logout', 'complete'],
    ]);
  });

  it('does not wait for long: it is told as it is, at its own time', () => {
    const events = run([early, login('imap', 'other-session-id', 66)]);
    expect(events.map((e) => [e.type, e.correlation, e.occurredAt.slice(11, 19)])).toEqual([
      ['mailbox.retrieved', 'partial', '18:01:00'],
      ['session.logout', 'partial', '18:01:00'],
      ['session.login', 'complete', '18:01:06'],
    ]);
  });
});

describe('retrieval', () => {
  it('is told at the logout of an IMAP session that read a body', () => {
    const events = run([
      login('imap'),
      line(
        'imap',
        'Disconnected: Logged out in=183 out=1469 deleted=0 expunged=0 trashed=0 hdr_count=9 hdr_bytes=1 body_count=1 body_bytes=328',
      ),
    ]);
    expect(events.map((e) => e.type)).toEqual(['session.login', 'mailbox.retrieved', 'session.logout']);
    expect(events[1]).toMatchObject({
      clientIp: '192.0.2.7',
      recipientUser: 'alice@example.nl',
      bytesSent: 1469,
    });
  });

  it('is told at the logout of a POP3 session that used RETR, in either spelling', () => {
    for (const comma of [',', '']) {
      const text = `Disconnected: Logged out top=1/319${comma} retr=2/344${comma} del=0/2${comma} size=357`;
      const events = run([login('pop3'), line('pop3', text)]);
      expect(events.map((e) => e.type)).toEqual(['session.login', 'mailbox.retrieved', 'session.logout']);
      expect(events[1]).toMatchObject({ service: 'pop3', bytesSent: 663, clientIp: '192.0.2.7' });
    }
  });

  it('is not told of a session that looked at headers only', () => {
    const events = run([
      login('pop3'),
      line('pop3', 'Disconnected: Logged out top=4/319, retr=0/0, del=0/2, size=357'),
    ]);
    expect(events.map((e) => e.type)).toEqual(['session.login', 'session.logout']);
  });
});

describe('a submitted message', () => {
  const text =
    "Successfully relayed message: from=<alice@example.nl>, size=116, id=syRMAI8yA2t4KwAAg+zDdQ, nrcpt=2, reply=`250 2.0.0 queued as PLANTED-REPLY'";

  it('has its sender, the session’s address, and of the reply its codes only', () => {
    const events = run([login('submission'), line('submission', text)]);
    expect(brief(events[1] ?? ({} as never))).toEqual({
      type: 'message.accepted',
      service: 'submission',
      protocol: 'submission',
      sessionId: 'XhPEpOBgyMh/AAAB',
      senderAddress: 'alice@example.nl',
      senderUser: 'alice@example.nl',
      senderIp: '192.0.2.7',
      sizeOctets: 116,
      recipientCount: 2,
      replyCode: 250,
      dsn: '2.0.0',
      outcome: 'relayed',
      tls: true,
      correlation: 'complete',
    });
  });

  it('is partial where the login was not seen', () => {
    expect(run([line('submission', text)])[0]).toMatchObject({ correlation: 'partial' });
  });
});

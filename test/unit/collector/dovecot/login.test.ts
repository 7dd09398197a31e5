import { describe, expect, it } from 'vitest';
import { brief, correlator, only, record, run } from './support.ts';

const tail = 'rip=192.0.2.7, lip=198.51.100.1';

describe('a login line', () => {
  it('of 2.3 and of 2.4 gives the same login', () => {
    const expected = {
      type: 'session.login',
      service: 'imap',
      protocol: 'imap',
      sessionId: 'XhPEpOBgyMh/AAAB',
      recipientUser: 'alice@example.nl',
      clientIp: '192.0.2.7',
      outcome: 'ok',
      tls: true,
      correlation: 'complete',
    };
    const elements = `user=<alice@Example.NL>, method=PLAIN, ${tail}, mpid=17, TLS, session=<XhPEpOBgyMh/AAAB>`;
    expect(brief(only(`imap-login: Info: Login: ${elements}`))).toEqual(expected);
    expect(brief(only(`imap-login: Login: ${elements}`))).toEqual(expected);
    expect(brief(only(`imap-login: Info: Logged in: ${elements}`))).toEqual(expected);
  });

  it('reads elements that 2.4 joins without commas', () => {
    const event = only(
      'pop3-login: Info: Logged in: user=<bob> method=PLAIN rip=2001:DB8::7 lip=::1 mpid=1 TLS session=<a+b/c==>',
    );
    expect(event).toMatchObject({
      service: 'pop3',
      recipientUser: 'bob',
      clientIp: '2001:db8::7',
      tls: true,
    });
    expect(event.sessionId).toBe('a+b/c==');
  });

  it('writes IPv4-mapped IPv6 as IPv4', () => {
    const line =
      'imap-login: Info: Login: user=<a>, method=PLAIN, rip=::ffff:192.0.2.9, lip=::1, session=<abcd>';
    expect(only(line).clientIp).toBe('192.0.2.9');
  });

  it('takes port and proxy where the operator logs them', () => {
    const line = `imap-login: Info: Login: user=<a>, method=PLAIN, ${tail}, rport=40001, real_rip=203.0.113.1, TLS, session=<abcd>`;
    expect(only(line)).toMatchObject({ clientIp: '192.0.2.7', clientPort: 40_001, proxyIp: '203.0.113.1' });
  });

  it('of a submitting client names a sender', () => {
    const event = only(
      `submission-login: Info: Login: user=<alice>, method=PLAIN, ${tail}, TLS, session=<abcd>`,
    );
    expect(event).toMatchObject({
      service: 'submission',
      senderUser: 'alice',
      senderIp: '192.0.2.7',
      clientIp: '192.0.2.7',
    });
    expect(event.recipientUser).toBeUndefined();
  });

  it('says nothing of TLS where the connection is merely trusted, and false where it is plain', () => {
    const login = (secured: string) =>
      only(`imap-login: Info: Login: user=<a>, method=PLAIN, ${tail}, mpid=1,${secured} session=<abcd>`).tls;
    expect(login(' secured,')).toBeUndefined();
    expect(login('')).toBe(false);
    expect(login(' TLS: Disconnected,')).toBe(true);
  });

  it('over a UNIX socket has no address, and is a login all the same', () => {
    const event = only(
      'imap-login: Info: Login: user=<alice>, method=PLAIN, mpid=5, secured, session=<abcd>',
    );
    expect(event).toMatchObject({ type: 'session.login', recipientUser: 'alice', sessionId: 'abcd' });
    expect(event.clientIp).toBeUndefined();
  });

  it('of a proxy is a login on the proxy, with bytes at its end', () => {
    const by = 'user=<alice>, method=PLAIN, rip=192.0.2.7, lip=198.51.100.1, TLS, session=<Ew/AqOFgvsV/AAAB>';
    const events = run([
      record(
        `imap-login: Info: proxy(alice,192.0.2.99:143): Started proxying to <192.0.2.99> (0.013 secs): ${by}`,
      ),
      record(
        `imap-login: Info: proxy(alice,192.0.2.99:143): Disconnected by client (0s idle, in=232, out=748): ${by}`,
        9,
      ),
    ]);
    expect(events.map(brief)).toMatchObject([
      { type: 'session.login', clientIp: '192.0.2.7', correlation: 'complete' },
      {
        type: 'session.logout',
        clientIp: '192.0.2.7',
        bytesReceived: 232,
        bytesSent: 748,
        correlation: 'complete',
      },
    ]);
  });

  it('of the older proxy form is a login too', () => {
    const line = `imap-login: Info: proxy(alice): started proxying to 192.0.2.99:143/bob (master x): user=<alice>, method=PLAIN, ${tail}, TLS, session=<abcd>`;
    expect(only(line)).toMatchObject({ type: 'session.login', recipientUser: 'alice' });
  });
});

describe('a failed login', () => {
  const failed = (sentence: string) =>
    run([record(`imap-login: Info: ${sentence}: user=<eve>, method=PLAIN, ${tail}, TLS, session=<abcd>`)]);

  it.each([
    ['Disconnected (auth failed, 1 attempts in 6 secs)', 'auth_failed'],
    ['Disconnected: Connection closed (auth failed, 3 attempts in 15 secs)', 'auth_failed'],
    ['Aborted login (auth failed, 2 attempts in 9 secs)', 'auth_failed'],
    ['Disconnected: Aborted login by logging out (auth failed, 1 attempts in 0 secs)', 'auth_failed'],
    ['Login aborted: Connection closed (auth failed, 3 attempts in 15 secs) (auth_failed)', 'auth_failed'],
    [
      'Login aborted: Connection closed (user disabled, 1 attempts in 2 secs) (user_disabled)',
      'user_disabled',
    ],
    ["Disconnected: Inactivity (client didn't finish SASL auth, waited 60 secs)", 'auth_waiting_client'],
    ['Disconnected: Connection closed (tried to use disallowed plaintext auth)', 'cleartext_auth_disabled'],
    ['Disconnected (tried to use unsupported auth mechanism)', 'invalid_mech'],
    ['Disconnected: Connection closed (proxy dest auth failed)', 'proxy_dest_auth_failed'],
    ['Internal login failure (pid=1 id=2) (internal failure, 1 successful auths)', 'internal_failure'],
    [
      'Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)',
      'connection_limit',
    ],
  ])('%s', (sentence, outcome) => {
    expect(failed(sentence).map(brief)).toEqual([
      {
        type: 'session.login_failed',
        service: 'imap',
        protocol: 'imap',
        sessionId: 'abcd',
        recipientUser: 'eve',
        clientIp: '192.0.2.7',
        outcome,
        tls: true,
        correlation: 'complete',
      },
    ]);
  });

  it.each([
    'Disconnected: Connection closed (no auth attempts in 0 secs)',
    'Disconnected (disconnected before auth was ready, waited 0 secs)',
    'Login aborted: Connection closed (no auth attempts in 1 secs) (no_auth_attempts)',
    'Login aborted: TLS handshaking failed (disconnected during TLS handshake) (tls_handshake_not_finished)',
  ])('is not: %s', (sentence) => {
    expect(failed(sentence)).toEqual([]);
  });

  it('with an unheard-of cause is counted, not guessed', () => {
    const line = `imap-login: Info: Disconnected: Bye (struck by lightning): user=<eve>, ${tail}, session=<abcd>`;
    expect(correlator().process(record(line))).toEqual({
      kind: 'notUnderstood',
      reason: 'dovecot.login_cause',
    });
  });
});

describe('what a stranger typed', () => {
  it('as a user name does not become an address or a session', () => {
    const line =
      'imap-login: Info: Disconnected: Connection closed (auth failed, 1 attempts in 1 secs): user=<a>, rip=1.2.3.4, session=<x>, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, secured, session=<qxIbiOFgIJB/AAAB>';
    expect(only(line)).toMatchObject({
      recipientUser: 'a>, rip=1.2.3.4, session=<x',
      clientIp: '127.0.0.1',
      sessionId: 'qxIbiOFgIJB/AAAB',
    });
  });

  it('as a mechanism does not become an address or a user', () => {
    const line =
      'managesieve-login: Info: Disconnected: Aborted login by logging out (tried to use unsupported auth mechanism): user=<>, method=X>, METHOD=Y, RIP=9.9.9.9, LIP=8.8.8.8, SESSION=<FAKE>, rip=127.0.0.1, lip=127.0.0.1, secured, session=<3JEYqeFg8Jp/AAAB>';
    const event = only(line);
    expect(event).toMatchObject({
      clientIp: '127.0.0.1',
      sessionId: '3JEYqeFg8Jp/AAAB',
      outcome: 'invalid_mech',
    });
    expect(event.recipientUser).toBeUndefined();
  });

  it('as a mechanism does not become a login', () => {
    const line = `managesieve-login: Info: Authenticate Login: user=<boss>, rip=9.9.9.9, session=<FAKE> failed: Unsupported authentication mechanism.: user=<>, method=X, ${tail}, session=<abcd>`;
    expect(run([record(line)])).toEqual([]);
  });

  it('keeps its brackets, spaces and parentheses', () => {
    const name = 'a(b)<c><d>: Logged out in=1 out=2';
    const line = `imap-login: Info: Disconnected (auth failed, 1 attempts in 5 secs): user=<${name}>, method=PLAIN, ${tail}, session=<abcd>`;
    expect(only(line).recipientUser).toBe(name);
  });

  it('cannot replace a missing address', () => {
    const line =
      'imap-login: Info: Disconnected (auth failed, 1 attempts in 5 secs): user=<a, rip=6.6.6.6>, method=PLAIN, secured, session=<abcd>';
    const event = only(line);
    expect(event).toMatchObject({ recipientUser: 'a, rip=6.6.6.6', sessionId: 'abcd' });
    expect(event.clientIp).toBeUndefined();
  });
});

describe('a user database that refuses', () => {
  const refusal = (seconds: number, answer = 'Password mismatch') =>
    record(`auth: Info: passwd-file(alice,192.0.2.7,<wOkeh+Fgnqp/AAAB>): ${answer}`, seconds);
  const login = (seconds: number) =>
    record(
      `imap-login: Info: Login: user=<alice>, method=PLAIN, ${tail}, TLS, session=<wOkeh+Fgnqp/AAAB>`,
      seconds,
    );
  const ending = (seconds: number) =>
    record(
      `imap-login: Info: Disconnected (auth failed, 2 attempts in 5 secs): user=<alice>, method=PLAIN, ${tail}, TLS, session=<wOkeh+Fgnqp/AAAB>`,
      seconds,
    );

  it('is not counted beside the line that ends the connection', () => {
    const into = correlator();
    const events = run([refusal(0), refusal(4), ending(5)], into);
    expect(events.map((e) => e.type)).toEqual(['session.login_failed']);
    expect(into.openCount).toBe(0);
  });

  it('is the only trace of an attempt before a login in the same connection, at its own time', () => {
    const events = run([refusal(0), refusal(0, 'unknown user'), login(8)]);
    expect(events.map((e) => [e.type, e.occurredAt])).toEqual([
      ['session.login_failed', '2026-11-22T18:00:00.000Z'],
      ['session.login', '2026-11-22T18:00:08.000Z'],
    ]);
  });

  it('before another one accepts is no failed login', () => {
    expect(run([refusal(0, 'unknown user'), login(1)]).map((e) => e.type)).toEqual(['session.login']);
  });

  it('without a session was asked by an SMTP server: one database’s answer, partial', () => {
    const event = only(
      'auth-worker(14864): conn unix:auth-worker (pid=14830,uid=109): auth-worker<6>: pam(caliph@example.com,192.0.2.5): pam_authenticate() failed: Authentication failure (Password mismatch?)',
    );
    expect(brief(event)).toEqual({
      type: 'session.login_failed',
      service: 'submission',
      protocol: 'submission',
      senderUser: 'caliph@example.com',
      senderIp: '192.0.2.5',
      clientIp: '192.0.2.5',
      outcome: 'passdb_failed',
      correlation: 'partial',
    });
  });

  it('is understood as 2.4 writes it', () => {
    const events = run([
      record('auth(alice,192.0.2.7,sasl:plain)<wOkeh+Fgnqp/AAAB>: Info: passwd-file: Password mismatch', 0),
      login(5),
    ]);
    expect(events.map((e) => e.type)).toEqual(['session.login_failed', 'session.login']);
    expect(
      only('auth-worker(bob@example.nl,192.0.2.107)<62690>: request [24]: Info: sql: unknown user'),
    ).toMatchObject({
      senderUser: 'bob@example.nl',
      outcome: 'passdb_failed',
    });
  });

  it('cannot be made to accuse somebody else', () => {
    const forged =
      'auth: Info: passwd-file(victim,6.6.6.6): Password mismatch,127.0.0.1,<abcd>): unknown user';
    expect(correlator().process(record(forged)).kind).toBe('notUnderstood');
  });
});

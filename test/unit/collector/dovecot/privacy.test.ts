import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { correlator, eventsOf, record, start } from './support.ts';

const secret = 'PLANTED-c0ntent';
const tail = 'user=<alice>, method=PLAIN, rip=192.0.2.7, lip=198.51.100.1, TLS, session=<wOkeh+Fgnqp/AAAB>';
const session = 'imap(alice)<17><wOkeh+Fgnqp/AAAB>: Info: ';

/** Lines as Dovecot and its plugins write them, with content where they can hold some. */
const lines = [
  `auth: Info: passwd-file(alice,192.0.2.7,<wOkeh+Fgnqp/AAAB>): Password mismatch (given password: ${secret})`,
  `auth: Info: passwd-file(alice,192.0.2.7): unknown user (given password: ${secret})`,
  `auth: Info: passwd-file(alice,192.0.2.7): unknown user (SHA1 of given password: ${secret})`,
  `auth: Debug: client in: AUTH 1 PLAIN service=imap resp=${secret}`,
  `auth-worker(7): Info: conn unix:auth-worker (pid=1,uid=2): auth-worker<1>: sql(alice,192.0.2.7): Password mismatch (given password: ${secret})`,
  `imap-login: Info: Login: ${tail}`,
  `imap-login: Info: proxy(alice,192.0.2.9:143): Login failed: [AUTHENTICATIONFAILED] ${secret}: ${tail}`,
  `${session}copy from INBOX: box=${secret}, uid=3, msgid=<x@y>, size=9, from=${secret}, subject=${secret}`,
  `${session}ID sent: name=${secret}`,
  `${session}Disconnected: ${secret} in=1 out=2`,
  `lmtp(alice)<9><aaaaaaaaaaaaaaaa>: Info: msgid=<m1@example.org>: saved mail to ${secret}`,
  `lmtp(alice)<9><aaaaaaaaaaaaaaaa>: Info: msgid=<m1@example.org>, subject=${secret}: saved mail to INBOX`,
  `lmtp(alice)<9><aaaaaaaaaaaaaaaa>: Info: sieve: msgid=<m1@example.org>: fileinto action: stored mail into mailbox '${secret}'`,
  `lmtp(alice)<9><aaaaaaaaaaaaaaaa>: Info: msgid=<{"body": "${secret}"}>: saved mail to INBOX`,
  `submission(alice)<9><aaaaaaaaaaaaaaaa>: Info: Successfully relayed message: from=<a@b>, size=1, id=x, nrcpt=1, reply=\`250 2.0.0 ${secret}'`,
];
const fields = {
  service: 'imap',
  session: 'bbbbbbbbbbbbbbbb',
  user: 'bob',
  remote_ip: '192.0.2.7',
  cmd_args: secret,
  cmd_human_args: secret,
  cmd_name: 'RETR',
  cmd_tag: secret,
  mailbox: secret,
  error: secret,
  message_subject: secret,
  message_from: secret,
  tagged_reply: secret,
  script_name: secret,
  password: secret,
  reason_code: ['imap:fetch_body'],
  status_code: 451,
  enhanced_code: secret,
  mail_from: 'carol@example.org',
  rcpt_to: 'bob@example.nl',
  message_id: '<m@x>',
  policy_result: secret,
  transport: secret,
};
const eventNames = [
  'auth_request_finished',
  'mail_user_session_finished',
  'proxy_session_finished',
  'mail_delivery_finished',
  'smtp_server_transaction_rcpt_finished',
  'imap_command_finished',
  'pop3_command_finished',
  'sieve_action_finished',
];

describe('content', () => {
  it('never comes out of a text line, in an event, a reason or the state', () => {
    const into = correlator();
    for (const line of lines) {
      expect(JSON.stringify(into.process(record(line)))).not.toContain(secret);
    }
    expect(JSON.stringify([...into.takeChanges()])).not.toContain(secret);
  });

  it('never comes out of an event’s fields', () => {
    const into = correlator();
    let given = 0;
    for (const name of eventNames) {
      for (const category of ['service:imap', 'service:submission', 'lmtp']) {
        for (const success of ['yes', undefined]) {
          const whole = {
            event: name,
            categories: [category],
            fields: { ...fields, success },
            extra: secret,
          };
          const result = into.process({
            timeMs: start,
            host: 'mx1.example.nl',
            program: 'dovecot/event',
            message: JSON.stringify(whole),
          });
          given += eventsOf(result).length;
          expect(JSON.stringify(result)).not.toContain(secret);
        }
      }
    }
    expect(given).toBeGreaterThan(10);
    expect(JSON.stringify([...into.takeChanges()])).not.toContain(secret);
  });
});

describe('any input', () => {
  const fragment = fc.constantFrom(
    ...lines,
    'imap-login: Info: Login: ',
    'auth: ',
    'lmtp(',
    ')<1><',
    '>: Info: ',
    ' rip=',
    'user=<',
    ', session=<',
    'msgid=<',
    '(auth failed',
    'stats: Info: {"',
    '\u0000',
    '\ud800',
  );
  it('is answered, and never throws', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fragment, fc.string({ unit: 'binary', maxLength: 20 })), { maxLength: 8 }),
        fc.constantFrom('dovecot', 'dovecot/event'),
        fc.oneof(fc.constant(start), fc.constantFrom(Number.NaN, -1, 1e300, Number.POSITIVE_INFINITY)),
        (parts, program, timeMs) => {
          const into = correlator();
          const result = into.process({ timeMs, host: 'mx1.example.nl', program, message: parts.join('') });
          expect(['understood', 'ignored', 'notUnderstood']).toContain(result.kind);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('takes time in proportion to its length', () => {
    const hostile = ['user=<', '>: ', ')<1><a>: msgid=<', ': saved mail to ', ' rip=1', '(', ', TLS'].map(
      (s) => s.repeat(Math.ceil(16_384 / s.length)),
    );
    const began = performance.now();
    for (const text of hostile) {
      for (const prefix of [
        'imap-login: Info: Login: user=<',
        'imap-login: Info: proxy(',
        'auth: Info: sql(',
        'lmtp(',
      ]) {
        correlator().process(record(prefix + text));
        correlator().process(record(`${prefix}a)<1><b>: Info: msgid=<${text}`));
      }
    }
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});

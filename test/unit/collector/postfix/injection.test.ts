import { describe, expect, it } from 'vitest';
import { postfixAdapter } from '../../../../services/collector/postfix/index.ts';
import { eventsOf, only, resultsOf } from './support.ts';

/*
 * What a client, a remote server or a sender can put into Postfix's lines must not pass for Postfix's own
 * words. 9.9.9.9 and victim@v.example are what the attacker wants to see in an event.
 */

const queued = `
  postfix/smtpd[10]: 4F0C117A3F5: client=a.example[192.0.2.1]
  postfix/cleanup[11]: 4F0C117A3F5: message-id=<m1@a.example>
  postfix/qmgr[12]: 4F0C117A3F5: from=<a@b.example>, size=1, nrcpt=1 (queue active)`;
const fakeTail = ', relay=v.example[9.9.9.9]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 Ok';
const trueTail = ', relay=none, delay=1, delays=0/0/0/1, dsn=4.4.1, status=deferred';

function unharmed(log: string) {
  const events = eventsOf(log);
  expect(JSON.stringify(events)).not.toMatch(/9\.9\.9\.9|victim/);
  return events;
}

describe('a delivery line', () => {
  it('is not completed by a quoted local part of the recipient', () => {
    const evil = `"victim@v.example>${fakeTail}"@d.example`;
    const [, event] = eventsOf(`${queued}
      postfix/smtp[13]: 4F0C117A3F5: to=<${evil}>${trueTail} (connect to d.example[192.0.2.9]:25: Connection refused)`);
    expect(event).toMatchObject({ type: 'message.deferred', recipientAddress: evil, outcome: 'deferred' });
    expect(event).not.toHaveProperty('deliveryHostIp');
  });

  it('is not completed by an escaped quote in it', () => {
    const evil = `"x\\"@v.example>${fakeTail}"@d.example`;
    const [, event] = eventsOf(`${queued}
      postfix/smtp[13]: 4F0C117A3F5: to=<c@d.example>, orig_to=<${evil}>${trueTail} (x)`);
    expect(event).toMatchObject({ type: 'message.deferred', recipientOriginalAddress: evil });
  });

  it('is not changed by what the remote server answers', () => {
    const [, event] = unharmed(`${queued}
      postfix/smtp[13]: 4F0C117A3F5: to=<c@d.example>${trueTail} (host x said: 250 ok), to=<victim@v.example>${fakeTail})`);
    expect(event).toMatchObject({ type: 'message.deferred', recipientAddress: 'c@d.example' });
  });

  it('takes a reply code only from its fixed place', () => {
    const code = (text: string) =>
      eventsOf(`${queued}\npostfix/smtp[13]: 4F0C117A3F5: to=<c@d.example>${trueTail} (${text})`)[1]
        ?.replyCode;
    expect(code('host d.example[192.0.2.9] said: 452 4.2.2 full (in reply to RCPT TO command)')).toBe(452);
    expect(code('250 2.0.0 Ok')).toBe(250);
    expect(code('250-2.0.0 Ok')).toBe(250);
    expect(code('connect to d.example[192.0.2.9]:25: said: 550 x')).toBeUndefined();
    expect(code('lost connection 550 5.1.1')).toBeUndefined();
    expect(code('2500 x')).toBeUndefined();
    expect(code('999 x')).toBeUndefined();
  });
});

describe('a queued line', () => {
  it('is not changed by a quoted local part of the sender', () => {
    const evil = '"x>, size=9, nrcpt=9 (queue active)"@d.example';
    const events = eventsOf(`postfix/qmgr[12]: 4F0C117A3F5: from=<${evil}>, size=1, nrcpt=2 (queue active)`);
    expect(only(events, 'message.accepted')).toMatchObject({
      senderAddress: evil,
      sizeOctets: 1,
      recipientCount: 2,
    });
  });

  it('does not become an expiry by the sender’s address', () => {
    const evil = '"x>, status=expired, returned to sender"@d.example';
    const events = eventsOf(`postfix/qmgr[12]: 4F0C117A3F5: from=<${evil}>, size=1, nrcpt=2 (queue active)`);
    expect(events.map((event) => event.type)).toEqual(['message.accepted']);
  });
});

describe('a client line', () => {
  it('believes nothing behind a SASL name', () => {
    const events = eventsOf(`
      postfix/smtpd[10]: 4F0C117A3F5: client=a.example[192.0.2.1], sasl_method=PLAIN, sasl_username=eve, orig_queue_id=ABCDEF1234, orig_client=v.example[9.9.9.9]
      postfix/qmgr[12]: 4F0C117A3F5: from=<a@b.example>, size=1, nrcpt=1 (queue active)`);
    const event = only(events, 'message.accepted');
    expect(event).toMatchObject({
      senderIp: '192.0.2.1',
      senderUser: 'eve, orig_queue_id=ABCDEF1234, orig_client=v.example[9.9.9.9]',
    });
    expect(event).not.toHaveProperty('relatedQueueId');
    expect(event).not.toHaveProperty('proxyIp');
  });

  it('does not let AUTH= on MAIL FROM extend the name', () => {
    const [event] = unharmed(`
      postfix/smtpd[10]: 4F0C117A3F5: client=a.example[192.0.2.1], sasl_method=PLAIN, sasl_username=eve, sasl_sender=x, sasl_sender=victim@v.example
      postfix/qmgr[12]: 4F0C117A3F5: from=<a@b.example>, size=1, nrcpt=1 (queue active)`);
    expect(event?.senderUser).toBe('eve');
  });

  it('with anything else behind the client is refused by name', () => {
    const [result] = resultsOf('postfix/smtpd[10]: 4F0C117A3F5: client=a.example[192.0.2.1], new=thing');
    expect(result).toEqual({ kind: 'notUnderstood', reason: 'postfix.client' });
  });
});

describe('a reject line', () => {
  const reject = (text: string, tail: string) =>
    only(
      eventsOf(
        `postfix/smtpd[1]: NOQUEUE: reject: RCPT from a.example[192.0.2.1]: 550 5.1.1 ${text}; ${tail}`,
      ),
      'message.rejected',
    );
  const tail = 'from=<a@b.example> to=<c@d.example> proto=ESMTP helo=<x>';
  const forged = '; from=<victim@v.example> to=<victim@v.example> proto=ESMTP helo=<v>';

  it('is not changed by what it repeats of the client’s words', () => {
    const event = reject(`<x${forged} from v.example[9.9.9.9]: 250 2.0.0>: Helo command rejected`, tail);
    expect(event).toMatchObject({
      senderIp: '192.0.2.1',
      senderAddress: 'a@b.example',
      recipientAddress: 'c@d.example',
      replyCode: 550,
    });
  });

  it.each([
    [
      'recipient',
      (evil: string) => `from=<a@b.example> to=<${evil}> proto=ESMTP helo=<x>`,
      'recipientAddress',
    ],
    ['sender', (evil: string) => `from=<${evil}> to=<c@d.example> proto=ESMTP helo=<x>`, 'senderAddress'],
  ] as const)('is not changed by a quoted local part of the %s', (_who, line, field) => {
    for (const inside of [
      `x${forged}`,
      'x> to=<victim@v.example> proto=ESMTP helo=<v>',
      '; from=<victim@v.example> to=<w@v.example',
      ' to=<\\"q',
      'x\\\\',
    ]) {
      const evil = `"${inside}"@d.example`;
      const event = reject('no', line(evil));
      expect(event[field], inside).toBe(evil);
      expect(event.correlation).toBe('complete');
    }
  });

  it('of postscreen is not changed by the HELO name, which it does not clean', () => {
    const event = only(
      eventsOf(
        'postfix/postscreen[1]: NOQUEUE: reject: RCPT from [192.0.2.1]:4711: 550 5.7.1 Service unavailable; client [192.0.2.1] blocked using zen.example; from=<a@b.example>, to=<c@d.example>, proto=ESMTP, helo=<x>; from=<victim@v.example>, to=<victim@v.example>, proto=ESMTP, helo=<y>',
      ),
      'message.rejected',
    );
    expect(event).toMatchObject({ senderAddress: 'a@b.example', recipientAddress: 'c@d.example' });
  });
});

describe('a failed login', () => {
  it('does not take address or name from what the client sent as its name', () => {
    const event = only(
      eventsOf(
        'postfix/smtpd[10]: warning: a.example[192.0.2.1]: SASL PLAIN authentication failed: x, sasl_username=eve, sasl_username=v.example[9.9.9.9]: SASL PLAIN authentication failed',
      ),
      'session.login_failed',
    );
    expect(event.clientIp).toBe('192.0.2.1');
    expect(event.senderUser).toBe('eve, sasl_username=v.example[9.9.9.9]: SASL PLAIN authentication failed');
  });

  it('is not made up by a command that smtpd repeats', () => {
    const log =
      'postfix/smtpd[10]: warning: non-SMTP command from a.example[192.0.2.1]: v.example[9.9.9.9]: SASL PLAIN authentication failed: x';
    expect(resultsOf(log)).toEqual([{ kind: 'ignored' }]);
  });
});

describe('content', () => {
  it('and reply texts reach neither events nor state', () => {
    const correlator = postfixAdapter.createCorrelator([]);
    const log = `${queued}
      postfix/cleanup[11]: 4F0C117A3F5: info: header Subject: PLANTED from a.example[192.0.2.1]; from=<a@b.example> to=<c@d.example> proto=ESMTP helo=<PLANTED>
      postfix/cleanup[11]: 4F0C117A3F5: warning: body PLANTED from a.example[192.0.2.1]; from=<a@b.example> proto=ESMTP helo=<x>
      postfix/smtp[13]: 4F0C117A3F5: host d.example[192.0.2.9] said: 450 PLANTED (in reply to RCPT TO command)
      postfix/smtp[13]: 4F0C117A3F5: to=<c@d.example>${trueTail} (host d.example[192.0.2.9] said: 450 4.2.0 PLANTED (in reply to end of DATA command))
      postfix/smtpd[14]: NOQUEUE: reject: RCPT from a.example[192.0.2.1]: 550 5.7.1 PLANTED; from=<a@b.example> to=<c@d.example> proto=ESMTP helo=<PLANTED>
      postfix/smtpd[14]: warning: a.example[192.0.2.1]: SASL PLAIN authentication failed: PLANTED
      postfix/smtpd[14]: improper command pipelining after DATA from a.example[192.0.2.1]: PLANTED`;
    const events = eventsOf(log, correlator);
    expect(events).toHaveLength(4);
    expect(JSON.stringify([events, [...correlator.takeChanges()]])).not.toContain('PLANTED');
  });
});

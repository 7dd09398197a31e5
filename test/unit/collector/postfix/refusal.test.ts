import { describe, expect, it } from 'vitest';
import { postfixAdapter } from '../../../../services/collector/postfix/index.ts';
import { eventsOf, only } from './support.ts';

const rejected = (line: string) => only(eventsOf(line), 'message.rejected');

describe('refusals', () => {
  it('without a queue id', () => {
    expect(
      rejected(
        'postfix/smtpd[10]: NOQUEUE: reject: RCPT from a.example[192.0.2.1]:4711: 450 4.7.1 <bob@example.nl>: Recipient address rejected: Greylisted; from=<Carol@External.Example> to=<bob@Example.NL> proto=ESMTP helo=<a.example>',
      ),
    ).toEqual({
      type: 'message.rejected',
      occurredAt: '2026-11-22T17:00:01.000Z',
      host: 'mx1',
      software: 'postfix',
      service: 'smtp',
      protocol: 'esmtp',
      correlation: 'complete',
      outcome: 'reject',
      senderIp: '192.0.2.1',
      senderPort: 4711,
      originHostIp: '192.0.2.1',
      originHostName: 'a.example',
      senderAddress: 'Carol@external.example',
      recipientAddress: 'bob@example.nl',
      replyCode: 450,
      dsn: '4.7.1',
    });
  });

  it('with a queue id, of the message that goes on for others', () => {
    const events = eventsOf(`
      postfix/smtpd[10]: 4F0C117A3F5: client=a.example[192.0.2.1]
      postfix/smtpd[10]: 4F0C117A3F5: reject: RCPT from a.example[192.0.2.1]: 550 5.1.1 <x@example.nl>: Recipient address rejected: User unknown in local recipient table; from=<> to=<x@example.nl> proto=SMTP helo=<vm>
      postfix/qmgr[12]: 4F0C117A3F5: from=<>, size=1, nrcpt=1 (queue active)`);
    expect(events[0]).toMatchObject({
      queueId: '4F0C117A3F5',
      senderNull: true,
      replyCode: 550,
      protocol: 'smtp',
    });
    expect(events[1]).toMatchObject({
      type: 'message.accepted',
      correlation: 'complete',
      senderIp: '192.0.2.1',
    });
  });

  it.each([
    [
      'CONNECT',
      'NOQUEUE: reject: CONNECT from unknown[192.0.2.1]: 554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.example; proto=SMTP',
      {},
    ],
    [
      'HELO',
      'NOQUEUE: reject: EHLO from unknown[192.0.2.1]: 504 5.5.2 <x>: Helo command rejected; proto=SMTP helo=<x>',
      {},
    ],
    [
      'MAIL',
      'NOQUEUE: reject: MAIL from unknown[192.0.2.1]: 450 4.1.8 <a@b.example>: Sender address rejected: Domain not found; from=<a@b.example> proto=ESMTP helo=<x>',
      { senderAddress: 'a@b.example' },
    ],
    [
      'a Milter',
      'NOQUEUE: milter-reject: RCPT from unknown[192.0.2.1]: 451 4.7.1 Try again; from=<a@b.example> to=<c@d.example> proto=ESMTP helo=<x>',
      { recipientAddress: 'c@d.example', outcome: 'milter-reject' },
    ],
  ])('at %s', (_where, line, expected) => {
    expect(rejected(`postfix/smtpd[1]: ${line}`)).toMatchObject({
      senderIp: '192.0.2.1',
      correlation: 'complete',
      ...expected,
    });
  });

  it('by a proxy filter, whose line names no client', () => {
    expect(
      rejected(
        'postfix/smtpd[1]: NOQUEUE: proxy-reject: END-OF-MESSAGE: 550 5.7.1 no; from=<a@b.example> to=<c@d.example> proto=ESMTP helo=<x>',
      ),
    ).toMatchObject({ recipientAddress: 'c@d.example', replyCode: 550, correlation: 'partial' });
  });

  it('of an authenticated client, with its name', () => {
    const event = rejected(
      'postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[192.0.2.1]: 550 5.7.1 <c@d.example>: x; from=<a@b.example> to=<c@d.example> proto=ESMTP helo=<x> sasl_username=<alice@example.nl>',
    );
    expect(event).toMatchObject({ senderUser: 'alice@example.nl', service: 'submission' });
  });

  it('by postscreen, whose fields have commas', () => {
    expect(
      rejected(
        'postfix/postscreen[1]: NOQUEUE: reject: RCPT from [2001:db8::5]:4711: 550 5.7.1 Service unavailable; client [2001:db8::5] blocked using zen.example; from=<a@b.example>, to=<c@d.example>, proto=ESMTP, helo=<x>',
      ),
    ).toMatchObject({
      senderIp: '2001:db8::5',
      senderPort: 4711,
      senderAddress: 'a@b.example',
      recipientAddress: 'c@d.example',
      protocol: 'esmtp',
      replyCode: 550,
      correlation: 'complete',
    });
    expect(
      rejected('postfix/postscreen[1]: NOQUEUE: reject: CONNECT from [192.0.2.1]:4711: too many connections'),
    ).toMatchObject({ senderIp: '192.0.2.1', correlation: 'complete' });
  });

  it('of a whole message end it: the queue manager never sees it', () => {
    const correlator = postfixAdapter.createCorrelator([]);
    const events = eventsOf(
      `postfix/smtpd[10]: 4F0C117A3F5: client=a.example[192.0.2.1]
       postfix/cleanup[11]: 4F0C117A3F5: message-id=<m1@example.com>
       postfix/cleanup[11]: 4F0C117A3F5: milter-reject: END-OF-MESSAGE from a.example[192.0.2.1]: 5.7.1 Spam message rejected; from=<a@b.example> to=<c@d.example> proto=ESMTP helo=<x>`,
      correlator,
    );
    expect(only(events, 'message.rejected')).toMatchObject({
      dsn: '5.7.1',
      outcome: 'milter-reject',
      messageId: 'm1@example.com',
      recipientAddress: 'c@d.example',
      senderIp: '192.0.2.1',
      correlation: 'complete',
    });
    expect(correlator.openCount).toBe(0);
  });

  it('that are cut off keep what was read, and say so', () => {
    const event = rejected(
      'postfix/smtpd[26897]: NOQUEUE: reject: RCPT from unknown[192.168.1.1]: 554 5.7.1 Service unavailable',
    );
    expect(event).toMatchObject({ senderIp: '192.168.1.1', replyCode: 554, correlation: 'partial' });
  });
});

describe('header and body checks', () => {
  const line = (action: string, content: string) =>
    `postfix/smtpd[10]: 4F0C117A3F5: client=a.example[192.0.2.1]
     postfix/cleanup[11]: 4F0C117A3F5: ${action}: header Subject: ${content} from a.example[192.0.2.1]; from=<a@b.example> to=<c@d.example> proto=ESMTP helo=<x>: 5.7.1 planted rule text`;

  it('reject without a word of the content', () => {
    const events = eventsOf(line('reject', 'planted subject'));
    expect(only(events, 'message.rejected')).toMatchObject({
      outcome: 'reject',
      senderAddress: 'a@b.example',
      recipientAddress: 'c@d.example',
      senderIp: '192.0.2.1',
    });
    expect(JSON.stringify(events)).not.toContain('planted');
  });

  it('cannot be made to name another by the content', () => {
    const forged =
      'x from v.example[9.9.9.9]; from=<v@v.example> to=<w@w.example> proto=ESMTP helo=<v>: 5.7.1 x';
    expect(only(eventsOf(line('reject', forged)), 'message.rejected')).toMatchObject({
      senderAddress: 'a@b.example',
      recipientAddress: 'c@d.example',
      senderIp: '192.0.2.1',
    });
  });

  it('discard is a refusal that the sender is not told of', () => {
    expect(only(eventsOf(line('discard', 'x')), 'message.rejected').outcome).toBe('discard');
  });

  it.each(['warning', 'info', 'hold', 'filter', 'redirect', 'prepend', 'replace', 'strip', 'bcc', 'delay'])(
    '%s lets the message go on, and its line is left alone',
    (action) => {
      const correlator = postfixAdapter.createCorrelator([]);
      expect(eventsOf(line(action, 'planted'), correlator)).toEqual([]);
      expect(JSON.stringify([...correlator.takeChanges()])).not.toContain('planted');
      expect(correlator.openCount).toBe(1);
    },
  );
});

describe('access actions that are no refusals', () => {
  it.each(['reject_warning', 'warn', 'hold', 'filter', 'redirect', 'info', 'milter-hold'])('%s', (action) => {
    const tail =
      '<c@d.example>: Recipient address triggers X; from=<a@b.example> to=<c@d.example> proto=ESMTP helo=<x>';
    expect(eventsOf(`postfix/smtpd[1]: NOQUEUE: ${action}: RCPT from a.example[192.0.2.1]: ${tail}`)).toEqual(
      [],
    );
  });

  it('discard is told as such', () => {
    expect(
      rejected(
        'postfix/smtpd[1]: NOQUEUE: discard: RCPT from a.example[192.0.2.1]: <c@d.example>: Recipient address triggers DISCARD action; from=<a@b.example> to=<c@d.example> proto=ESMTP helo=<x>',
      ),
    ).toMatchObject({ outcome: 'discard', recipientAddress: 'c@d.example' });
  });
});

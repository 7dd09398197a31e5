import { describe, expect, it } from 'vitest';
import { postfixAdapter } from '../../../../services/collector/postfix/index.ts';
import { eventsOf, only, resultsOf } from './support.ts';

const received = `
  postfix/smtpd[10]: connect from mail.example.com[192.0.2.10]
  postfix/smtpd[10]: 4F0C117A3F5: client=mail.example.com[192.0.2.10]
  postfix/cleanup[11]: 4F0C117A3F5: message-id=<m1@example.com>
  postfix/qmgr[12]: 4F0C117A3F5: from=<Carol@External.Example>, size=378, nrcpt=2 (queue active)
  postfix/smtpd[10]: disconnect from mail.example.com[192.0.2.10] ehlo=1 mail=1 rcpt=2 data=1 quit=1 commands=6
`;

describe('a message through the queue', () => {
  it('gives one accepted event and one event per recipient, each with everything known of the message', () => {
    const events = eventsOf(`${received}
      postfix/local[13]: 4F0C117A3F5: to=<alice@example.nl>, orig_to=<sales@example.nl>, relay=local, delay=0.01, delays=0.01/0/0/0, dsn=2.0.0, status=sent (delivered to mailbox)
      postfix/smtp[14]: 4F0C117A3F5: to=<bob@far.example>, relay=mx.far.example[2001:DB8::19]:25, conn_use=2, delay=1.2, delays=0.01/0/0.6/0.6, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 9ABCDEF0123)
      postfix/qmgr[12]: 4F0C117A3F5: removed`);
    const message = {
      host: 'mx1',
      software: 'postfix',
      queueId: '4F0C117A3F5',
      messageId: 'm1@example.com',
      sizeOctets: 378,
      recipientCount: 2,
      senderAddress: 'Carol@external.example',
      senderIp: '192.0.2.10',
      originHostIp: '192.0.2.10',
      originHostName: 'mail.example.com',
      correlation: 'complete',
    };
    expect(events).toEqual([
      { type: 'message.accepted', occurredAt: '2026-11-22T17:00:04.000Z', service: 'smtp', ...message },
      {
        type: 'message.delivered',
        occurredAt: '2026-11-22T17:00:06.000Z',
        service: 'local-delivery',
        protocol: 'local',
        ...message,
        recipientAddress: 'alice@example.nl',
        recipientOriginalAddress: 'sales@example.nl',
        deliveryHostName: 'mx1',
        outcome: 'sent',
        dsn: '2.0.0',
      },
      {
        type: 'message.delivered',
        occurredAt: '2026-11-22T17:00:07.000Z',
        service: 'smtp',
        protocol: 'smtp',
        ...message,
        recipientAddress: 'bob@far.example',
        deliveryHostName: 'mx.far.example',
        deliveryHostIp: '2001:db8::19',
        deliveryHostPort: 25,
        outcome: 'sent',
        dsn: '2.0.0',
        replyCode: 250,
      },
    ]);
  });

  it('is forgotten when it is removed, and its short queue id is free for another', () => {
    const correlator = postfixAdapter.createCorrelator([]);
    eventsOf(received, correlator);
    expect(correlator.openCount).toBe(1);
    eventsOf('postfix/qmgr[12]: 4F0C117A3F5: removed', correlator);
    expect(correlator.openCount).toBe(0);
    const [next] = eventsOf(
      'postfix/smtp[9]: 4F0C117A3F5: to=<x@example.org>, relay=none, delay=1, delays=1/0/0/0, dsn=4.4.1, status=deferred (connect to example.org[192.0.2.1]:25: Connection refused)',
      correlator,
    );
    expect(next).toMatchObject({ correlation: 'partial', recipientAddress: 'x@example.org' });
    expect(next).not.toHaveProperty('senderAddress');
  });

  it('begins anew with client=, whatever was open under the id', () => {
    const events = eventsOf(`${received}
      postfix/smtpd[20]: 4F0C117A3F5: client=unknown[198.51.100.7]
      postfix/cleanup[21]: 4F0C117A3F5: message-id=<m2@example.org>
      postfix/qmgr[12]: 4F0C117A3F5: from=<dave@example.org>, size=9, nrcpt=1 (queue active)`);
    expect(events[1]).toMatchObject({ senderIp: '198.51.100.7', messageId: 'm2@example.org' });
    expect(events[1]).not.toHaveProperty('originHostName');
  });

  it('does not give an abandoned message’s client to the next message under its id', () => {
    const events = eventsOf(`
      Nov 22 10:00:00 mx1 postfix/smtpd[10]: 4F0C117A3F5: client=mail.example.com[192.0.2.10]
      Nov 22 12:00:00 mx1 postfix/cleanup[11]: 4F0C117A3F5: message-id=<later@mx1>
      Nov 22 12:00:01 mx1 postfix/qmgr[12]: 4F0C117A3F5: from=<>, size=9, nrcpt=1 (queue active)`);
    expect(only(events, 'message.accepted')).not.toHaveProperty('senderIp');
    expect(only(events, 'message.accepted')).toMatchObject({ senderNull: true, correlation: 'partial' });
  });

  it('is accepted once, however often the queue manager takes it up again over days', () => {
    const deferral = (day: number) => `
      Nov ${day} 10:00:00 mx1 postfix/qmgr[12]: 4F0C117A3F5: from=<Carol@External.Example>, size=378, nrcpt=2 (queue active)
      Nov ${day} 10:00:01 mx1 postfix/smtp[14]: 4F0C117A3F5: to=<bob@far.example>, relay=mx.far.example[192.0.2.25]:25, delay=9, delays=9/0/0/0, dsn=4.2.2, status=deferred (host mx.far.example[192.0.2.25] said: 452 4.2.2 Over quota (in reply to RCPT TO command))`;
    const events = eventsOf(`${received}${deferral(23)}${deferral(25)}${deferral(27)}`);
    expect(events.map((event) => event.type)).toEqual([
      'message.accepted',
      'message.deferred',
      'message.deferred',
      'message.deferred',
    ]);
    expect(events[3]).toMatchObject({
      messageId: 'm1@example.com',
      replyCode: 452,
      dsn: '4.2.2',
      outcome: 'deferred',
      deliveryHostIp: '192.0.2.25',
      correlation: 'complete',
    });
  });

  it('is another message where sender or size changed without a line in between', () => {
    const events = eventsOf(`${received}
      postfix/qmgr[12]: 4F0C117A3F5: from=<eve@example.org>, size=1, nrcpt=1 (queue active)`);
    expect(events[1]).toMatchObject({ senderAddress: 'eve@example.org', correlation: 'partial' });
    expect(events[1]).not.toHaveProperty('senderIp');
  });

  it('keeps queue ids of hosts and of instances apart', () => {
    const line = (tag: string, host: string, rest: string) =>
      `Nov 22 10:00:00 ${host} ${tag}[1]: ABCDEF1234: ${rest}`;
    const events = eventsOf(
      [
        line('postfix/smtpd', 'mx1', 'client=a.example[192.0.2.1]'),
        line('postfix/smtpd', 'mx2', 'client=b.example[192.0.2.2]'),
        line('postfix-out/smtpd', 'mx1', 'client=c.example[192.0.2.3]'),
        line('postfix/qmgr', 'mx1', 'from=<a@a.example>, size=1, nrcpt=1 (queue active)'),
        line('postfix/qmgr', 'mx2', 'from=<b@b.example>, size=1, nrcpt=1 (queue active)'),
        line('postfix-out/qmgr', 'mx1', 'from=<c@c.example>, size=1, nrcpt=1 (queue active)'),
      ].join('\n'),
    );
    expect(events.map((e) => [e.host, e.instance, e.originHostName])).toEqual([
      ['mx1', undefined, 'a.example'],
      ['mx2', undefined, 'b.example'],
      ['mx1', 'postfix-out', 'c.example'],
    ]);
  });

  it('is partial where its first lines were not seen', () => {
    const events = eventsOf(`
      postfix/qmgr[12]: 4F0C117A3F5: from=<carol@external.example>, size=378, nrcpt=1 (queue active)
      postfix/local[13]: 4F0C117A3F5: to=<alice@example.nl>, relay=local, delay=0.01, delays=0.01/0/0/0, dsn=2.0.0, status=sent (delivered to mailbox)`);
    expect(events.map((e) => e.correlation)).toEqual(['partial', 'partial']);
  });

  it('takes long queue ids', () => {
    const events = eventsOf(`
      postfix/smtpd[10]: 4Xh7tQ2Qc9z5vNx: client=mail.example.com[192.0.2.10]
      postfix/cleanup[11]: 4Xh7tQ2Qc9z5vNx: message-id=<m1@example.com>
      postfix/qmgr[12]: 4Xh7tQ2Qc9z5vNx: from=<>, size=378, nrcpt=1 (queue active)`);
    expect(only(events, 'message.accepted')).toMatchObject({
      queueId: '4Xh7tQ2Qc9z5vNx',
      senderNull: true,
      messageId: 'm1@example.com',
      correlation: 'complete',
    });
  });

  it('keeps only the hash of a Message-ID that is long enough to carry content', () => {
    const events = eventsOf(`
      postfix/cleanup[11]: 4F0C117A3F5: message-id=<${'{"subject":"planted"}'.repeat(30)}@example.com>
      postfix/qmgr[12]: 4F0C117A3F5: from=<a@b.example>, size=378, nrcpt=1 (queue active)`);
    expect(only(events, 'message.accepted')).toMatchObject({ messageIdHashed: true });
    expect(JSON.stringify(events)).not.toContain('planted');
  });
});

describe('bounds', () => {
  const open = (n: number) =>
    `Nov 22 10:00:00 mx1 postfix/smtpd[1]: ${(0x100000 + n).toString(16).toUpperCase()}AB: client=a.example[192.0.2.1]`;

  it('gives up the messages that were silent longest when too many are open', () => {
    const correlator = postfixAdapter.createCorrelator([], { maxOpen: 10 });
    for (let n = 0; n < 25; n++) eventsOf(open(n), correlator);
    expect(correlator.openCount).toBe(10);
    const queued = (n: number) =>
      eventsOf(
        open(n)
          .replace('smtpd', 'qmgr')
          .replace(/client=.*/, 'from=<>, size=1, nrcpt=1 (queue active)'),
        correlator,
      )[0];
    expect(queued(24)).toMatchObject({ correlation: 'complete' });
    expect(queued(3)).toMatchObject({ correlation: 'partial' });
  });

  it('forgets a message ten days of log time after its last line', () => {
    const correlator = postfixAdapter.createCorrelator([]);
    eventsOf(received, correlator);
    resultsOf('Dec  2 16:00:00 mx1 postfix/master[1]: reload', correlator);
    expect(correlator.openCount).toBe(1);
    resultsOf('Dec  3 18:00:00 mx1 postfix/master[1]: reload', correlator);
    expect(correlator.openCount).toBe(0);
  });

  it('names what Postfix cannot have written', () => {
    const results = resultsOf(`
      postfix/qmgr[12]: 4F0C117A3F5: from=<${'a'.repeat(5_000)}@b.example>, size=1, nrcpt=1 (queue active)
      postfix/smtp[12]: 4F0C117A3F5: to=<${'a'.repeat(1_960)}
      postfix/smtp[12]: 4F0C117A3F5: to=<a@b.example>, status=sent
      postfix/smtp[12]: 4F0C117A3F5: to=<a@b.example>, relay=none, delay=1, delays=1/0/0/0, dsn=2.0.0, status=lost (x)
      postfix/qmgr[12]: 4F0C117A3F5: something new
      postfix/smtpd[12]: 4F0C117A3F5: client=nobody`);
    expect(results.map((r) => (r.kind === 'notUnderstood' ? r.reason : r.kind))).toEqual([
      'line.too_long',
      'line.truncated',
      'postfix.delivery',
      'postfix.delivery_status',
      'postfix.queue_line',
      'postfix.client',
    ]);
  });
});

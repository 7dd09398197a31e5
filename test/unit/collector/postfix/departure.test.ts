import { describe, expect, it } from 'vitest';
import { eventsOf, only } from './support.ts';

const queued = (id = '4F0C117A3F5', messageId = 'm1@example.com') => `
  postfix/smtpd[10]: ${id}: client=mail.example.com[192.0.2.10]
  postfix/cleanup[11]: ${id}: message-id=<${messageId}>
  postfix/qmgr[12]: ${id}: from=<carol@external.example>, size=378, nrcpt=1 (queue active)`;

const attempt = (daemon: string, rest: string) =>
  eventsOf(`${queued()}\npostfix/${daemon}[13]: 4F0C117A3F5: ${rest}`)[1];

const times = 'delay=1, delays=0/0/0/1';

describe('transports and relays', () => {
  it.each([
    [
      'smtp',
      'mx.far.example[192.0.2.25]:25',
      {
        service: 'smtp',
        deliveryHostName: 'mx.far.example',
        deliveryHostIp: '192.0.2.25',
        deliveryHostPort: 25,
      },
    ],
    [
      'smtp',
      '192.0.2.25[192.0.2.25]:2525',
      { service: 'smtp', deliveryHostIp: '192.0.2.25', deliveryHostPort: 2525 },
    ],
    ['lmtp', 'mx1.example.nl[private/dovecot-lmtp]', { service: 'lmtp', deliveryHostName: 'mx1.example.nl' }],
    ['lmtp', 'localhost[/run/dovecot/lmtp]', { service: 'lmtp', deliveryHostName: 'mx1' }],
    [
      'lmtp',
      'store.example.nl[2001:db8::3]:24',
      {
        service: 'lmtp',
        deliveryHostName: 'store.example.nl',
        deliveryHostIp: '2001:db8::3',
        deliveryHostPort: 24,
      },
    ],
    ['pipe', 'dovecot', { service: 'local-delivery', deliveryHostName: 'mx1', protocol: 'pipe' }],
    ['virtual', 'virtual', { service: 'local-delivery', deliveryHostName: 'mx1', protocol: 'virtual' }],
    ['local', 'local', { service: 'local-delivery', deliveryHostName: 'mx1', protocol: 'local' }],
  ])('%s by relay=%s', (daemon, relay, expected) => {
    const event = attempt(
      daemon,
      `to=<bob@far.example>, relay=${relay}, ${times}, dsn=2.0.0, status=sent (ok)`,
    );
    expect(event).toMatchObject({ type: 'message.delivered', outcome: 'sent', ...expected });
    for (const field of ['deliveryHostName', 'deliveryHostIp', 'deliveryHostPort']) {
      if (!(field in expected)) expect(event).not.toHaveProperty(field);
    }
  });

  it('error(8) bounces and qmgr(8) defers without a relay', () => {
    expect(
      attempt('error', `to=<x@gone.example>, relay=none, ${times}, dsn=5.1.2, status=bounced (550 gone)`),
    ).toMatchObject({
      type: 'message.bounced',
      dsn: '5.1.2',
      protocol: 'error',
    });
    const deferred = attempt(
      'qmgr',
      `to=<x@slow.example>, relay=none, ${times}, dsn=4.3.0, status=deferred (delivery temporarily suspended: x)`,
    );
    expect(deferred).toMatchObject({ type: 'message.deferred', protocol: 'qmgr' });
    expect(deferred).not.toHaveProperty('deliveryHostName');
  });

  it('what discard(8) throws away was delivered to nobody', () => {
    const event = attempt(
      'discard',
      `to=<x@example.nl>, relay=none, ${times}, dsn=2.0.0, status=sent (example.nl)`,
    );
    expect(event).toMatchObject({
      type: 'message.rejected',
      outcome: 'discard',
      recipientAddress: 'x@example.nl',
    });
    expect(event).not.toHaveProperty('deliveryHostName');
  });

  it('soft bounces stay in the queue', () => {
    expect(
      attempt('smtp', `to=<x@far.example>, relay=none, ${times}, dsn=4.4.3, status=SOFTBOUNCE (x)`)?.type,
    ).toBe('message.deferred');
  });

  it('a bare recipient, an international one and a domain in any case', () => {
    const to = (address: string) =>
      attempt('local', `to=<${address}>, orig_to=<root>, relay=local, ${times}, dsn=2.0.0, status=sent (ok)`);
    expect(to('root')).toMatchObject({ recipientAddress: 'root', recipientOriginalAddress: 'root' });
    expect(to('jürgen@Bücher.example')?.recipientAddress).toBe('jürgen@xn--bcher-kva.example');
    expect(to('"odd, name"@Example.NL')?.recipientAddress).toBe('"odd, name"@example.nl');
    expect(to('x@[IPv6:2001:DB8::1]')?.recipientAddress).toBe('x@[IPv6:2001:db8::1]');
  });

  it('a recipient that is no address leaves the event partial, and does not lose it', () => {
    const event = attempt(
      'local',
      `to=<x@exa mple>, relay=local, ${times}, dsn=5.1.3, status=bounced (bad address)`,
    );
    expect(event).toMatchObject({ type: 'message.bounced', correlation: 'partial' });
    expect(event).not.toHaveProperty('recipientAddress');
  });
});

describe('TLS to the relay', () => {
  const established =
    'postfix/smtp[13]: Trusted TLS connection established to mx.far.example[192.0.2.25]:25: TLSv1.3 with cipher X (256/256 bits)';
  const sent = (id: string, pid = 13) =>
    `postfix/smtp[${pid}]: ${id}: to=<bob@far.example>, relay=mx.far.example[192.0.2.25]:25, ${times}, dsn=2.0.0, status=sent (250 Ok)`;

  it('is said of every recipient of the message that the connection was made for, and of no other', () => {
    const events = eventsOf(`
      ${established}
      ${sent('4F0C117A3F5')}
      ${sent('4F0C117A3F5')}
      ${sent('4F0C117A3F6')}
      ${sent('4F0C117A3F5')}
      ${sent('4F0C117A3F5', 14)}`);
    expect(events.map((event) => event.tls)).toEqual([true, true, undefined, undefined, undefined]);
  });
});

describe('bounces', () => {
  const bounced = `
    postfix/smtp[13]: 4F0C117A3F5: to=<x@far.example>, relay=mx.far.example[192.0.2.25]:25, ${times}, dsn=5.1.1, status=bounced (host mx.far.example[192.0.2.25] said: 550 5.1.1 <x@far.example>: User unknown (in reply to RCPT TO command))`;
  const link = 'postfix/bounce[14]: 4F0C117A3F5: sender non-delivery notification: 5B0C117A3F5';
  const first = 'postfix/cleanup[11]: 5B0C117A3F5: message-id=<bounce@mx1>';
  const rest = `
    postfix/qmgr[12]: 5B0C117A3F5: from=<>, size=2500, nrcpt=1 (queue active)
    postfix/qmgr[12]: 4F0C117A3F5: removed
    postfix/smtp[13]: 5B0C117A3F5: to=<carol@external.example>, relay=mail.example.com[192.0.2.10]:25, ${times}, dsn=2.0.0, status=sent (250 Ok)`;

  it.each([
    ['after the new id’s first line (until 3.10)', `${first}\n${link}`],
    ['before it (since 3.11)', `${link}\n${first}`],
  ])('are linked to the original, whose link is logged %s', (_when, lines) => {
    const events = eventsOf(`${queued()}${bounced}\n${lines}${rest}`);
    expect(only(events, 'message.bounced')).toMatchObject({
      outcome: 'bounced',
      replyCode: 550,
      dsn: '5.1.1',
    });
    const notice = {
      queueId: '5B0C117A3F5',
      relatedQueueId: '4F0C117A3F5',
      senderNull: true,
      originHostName: 'mx1',
      messageId: 'bounce@mx1',
      correlation: 'complete',
    };
    expect(events.filter((event) => event.type === 'message.accepted')[1]).toMatchObject(notice);
    expect(only(events, 'message.delivered')).toMatchObject({
      ...notice,
      recipientAddress: 'carol@external.example',
    });
  });

  it('are linked where the queue manager was faster than the link', () => {
    const [early, ...later] = rest.trim().split('\n');
    const events = eventsOf(`${queued()}${bounced}\n${first}\n${early}\n${link}\n${later.join('\n')}`);
    expect(only(events, 'message.delivered')).toMatchObject({
      relatedQueueId: '4F0C117A3F5',
      correlation: 'complete',
    });
  });
});

describe('expiry', () => {
  it.each(['expired', 'force-expired'])('%s is one event of the message', (status) => {
    const events = eventsOf(`${queued()}
      postfix/qmgr[12]: 4F0C117A3F5: from=<carol@external.example>, status=${status}, returned to sender`);
    expect(only(events, 'message.expired')).toMatchObject({
      outcome: status,
      senderAddress: 'carol@external.example',
      messageId: 'm1@example.com',
      correlation: 'complete',
    });
  });
});

describe('the same message under two queue ids', () => {
  const second = `
    postfix/smtpd[20]: 5B0C117A3F5: client=localhost[127.0.0.1]
    postfix/cleanup[21]: 5B0C117A3F5: message-id=<m1@example.com>
    postfix/qmgr[12]: 5B0C117A3F5: from=<carol@external.example>, size=500, nrcpt=1 (queue active)`;
  const handedOver = (reply: string) =>
    `\npostfix/smtp[13]: 4F0C117A3F5: to=<alice@example.nl>, relay=127.0.0.1[127.0.0.1]:10024, ${times}, dsn=2.0.0, status=sent (${reply})`;
  const delivered = `\npostfix/local[22]: 5B0C117A3F5: to=<alice@example.nl>, relay=local, ${times}, dsn=2.0.0, status=sent (ok)`;
  const reply = '250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 5B0C117A3F5';

  it('behind a content filter, both legs name each other', () => {
    const events = eventsOf(queued() + second + handedOver(reply) + delivered);
    const [leg, final] = events.filter((event) => event.type === 'message.delivered');
    expect(leg).toMatchObject({ queueId: '4F0C117A3F5', relatedQueueId: '5B0C117A3F5', replyCode: 250 });
    expect(final).toMatchObject({ queueId: '5B0C117A3F5', relatedQueueId: '4F0C117A3F5' });
  });

  it('a reply of another server cannot link to a message that is not the same', () => {
    const other = second.replace('m1@example.com', 'm2@example.com');
    const [leg, final] = eventsOf(queued() + other + handedOver(reply) + delivered).filter(
      (event) => event.type === 'message.delivered',
    );
    expect(leg).not.toHaveProperty('relatedQueueId');
    expect(final).not.toHaveProperty('relatedQueueId');
  });

  it('forwarded by local(8), the new message names the first', () => {
    const events = eventsOf(`${queued()}
      postfix/cleanup[21]: 5B0C117A3F5: message-id=<m1@example.com>
      postfix/local[22]: 4F0C117A3F5: to=<alice@example.nl>, relay=local, ${times}, dsn=2.0.0, status=sent (forwarded as 5B0C117A3F5)
      postfix/qmgr[12]: 5B0C117A3F5: from=<carol@external.example>, size=600, nrcpt=1 (queue active)`);
    expect(events[2]).toMatchObject({
      type: 'message.accepted',
      queueId: '5B0C117A3F5',
      relatedQueueId: '4F0C117A3F5',
      correlation: 'complete',
    });
  });

  it('finds the second leg in another instance of the host', () => {
    const out = second.replaceAll('postfix/', 'postfix-out/');
    const events = eventsOf(
      queued() + out + handedOver(reply) + delivered.replace('postfix/', 'postfix-out/'),
    );
    expect(events.at(-1)).toMatchObject({ instance: 'postfix-out', relatedQueueId: '4F0C117A3F5' });
  });
});

import { describe, expect, it } from 'vitest';
import { brief, correlator, only, record, run } from './support.ts';

const prefix = 'lmtp(alice@example.nl)<10714><dgqnIUgyA2vaKQAAg+zDdQ>: Info: ';

describe('a delivery', () => {
  it('has recipient, Message-ID, session, and the delivering host', () => {
    expect(brief(only(`${prefix}msgid=<m1@example.org>: saved mail to INBOX`))).toEqual({
      type: 'message.delivered',
      service: 'lmtp',
      protocol: 'lmtp',
      sessionId: 'dgqnIUgyA2vaKQAAg+zDdQ',
      messageId: 'm1@example.org',
      recipientAddress: 'alice@example.nl',
      recipientUser: 'alice@example.nl',
      deliveryHostName: 'mx1.example.nl',
      outcome: 'saved',
      correlation: 'complete',
    });
  });

  it('names the mail server that handed it over, while it is connected', () => {
    const deliver = record(`${prefix}msgid=<m1@example.org>: saved mail to INBOX`);
    const into = correlator();
    const events = run(
      [
        record('lmtp(10714): Info: Connect from 192.0.2.25'),
        deliver,
        record('lmtp(10714): Info: Disconnect from 192.0.2.25: Logged out (state=READY)'),
        record('lmtp(10714): Info: Connect from local'),
        deliver,
        record('lmtp(10714): Info: Disconnect from local: Logged out (state=READY)'),
      ],
      into,
    );
    expect(events.map((e) => e.originHostIp)).toEqual(['192.0.2.25', undefined]);
    expect(into.openCount).toBe(0);
  });

  it.each([
    [
      "sieve: msgid=<m1@x>: fileinto action: stored mail into mailbox 'PLANTED'",
      'message.delivered',
      'stored',
    ],
    ["sieve: msgid=<m1@x>: stored mail into mailbox 'INBOX'", 'message.delivered', 'stored'],
    [
      'sieve: msgid=<m1@x>: redirect action: forwarded to <PLANTED@example.com>',
      'message.delivered',
      'forwarded',
    ],
    ['sieve: msgid=<m1@x>: forwarded to <PLANTED@example.com>', 'message.delivered', 'forwarded'],
    [
      'sieve: msgid=<m1@x>: discard action: Marked message to be discarded if not explicitly delivered (discard action)',
      'message.delivered',
      'marked_discarded',
    ],
    [
      'sieve: msgid=<m1@x>: marked message to be discarded if not explicitly delivered (discard action)',
      'message.delivered',
      'marked_discarded',
    ],
    [
      'sieve: msgid=<m1@x>: reject action: rejected message from <carol@example.org> (reject)',
      'message.rejected',
      'rejected',
    ],
  ])('by Sieve: %s', (text, type, outcome) => {
    const event = only(prefix + text);
    expect(event).toMatchObject({ type, outcome, messageId: 'm1@x' });
    expect(JSON.stringify(event)).not.toContain('PLANTED');
    expect(event.senderAddress).toBe(type === 'message.rejected' ? 'carol@example.org' : undefined);
  });

  it.each([
    'msgid=<m1@x>: save failed to INBOX: Quota exceeded',
    "sieve: msgid=<m1@x>: fileinto action: failed to store into mailbox 'A': Permission denied",
    'sieve: msgid=<m1@x>: vacation action: sent vacation response to <carol@example.org>',
  ])('is not: %s', (text) => {
    expect(run([record(prefix + text)])).toEqual([]);
  });

  it('by LDA, and in the spellings of older versions', () => {
    expect(
      only('lda(bob)<12960><tbppLXI0A2ugMgAAg+zDdQ>: Info: msgid=<l1@x>: saved mail to INBOX'),
    ).toMatchObject({
      service: 'local-delivery',
      protocol: 'lda',
      recipientUser: 'bob',
    });
    expect(
      only(
        "lmtp(yan@example.nl): vwQ8DCqjqlqdHgAAwl8aWQ: sieve: msgid=<2018@example.com>: stored mail into mailbox 'INBOX'",
      ),
    ).toMatchObject({
      sessionId: 'vwQ8DCqjqlqdHgAAwl8aWQ',
      recipientUser: 'yan@example.nl',
      messageId: '2018@example.com',
    });
    expect(
      only('lmtp(9316, bob@example.nl): 7gyQI4yjXlxlJAAAUbDMYQ: msgid=<a@b>: saved mail to INBOX'),
    ).toMatchObject({
      recipientUser: 'bob@example.nl',
    });
  });

  it('without a Message-ID has none', () => {
    const event = only(`${prefix}msgid=unspecified: saved mail to INBOX`);
    expect(event.messageId).toBeUndefined();
    expect(event.correlation).toBe('complete');
  });

  it('has the envelope sender and size where the operator logs them', () => {
    const event = only(
      `${prefix}from_envelope=<Carol@Example.ORG>, size=1234, msgid=<m1@x>: saved mail to INBOX`,
    );
    expect(event).toMatchObject({ senderAddress: 'Carol@example.org', sizeOctets: 1234, messageId: 'm1@x' });
    expect(only(`${prefix}from_envelope=<>, size=1, msgid=<m1@x>: saved mail to INBOX`).senderNull).toBe(
      true,
    );
  });

  it('keeps nothing else that the operator logs', () => {
    const event = only(
      `${prefix}msgid=<m1@x>, subject=PLANTED words, from=p@planted.example: saved mail to INBOX`,
    );
    expect(event.messageId).toBe('m1@x');
    expect(JSON.stringify(event)).not.toMatch(/planted/i);
  });
});

describe('what a stranger wrote', () => {
  it('as a Message-ID does not become an envelope sender', () => {
    const event = only(`${prefix}msgid=<m1@x>, from_envelope=<boss@example.nl>, size=1: saved mail to INBOX`);
    expect(event.senderAddress).toBeUndefined();
    expect(event.sizeOctets).toBeUndefined();
  });

  it('as a Message-ID with spaces is not taken, and the event says that it is partial', () => {
    const event = only(`${prefix}msgid=<{"subject": "PLANTED"} x>: saved mail to INBOX`);
    expect(event).toMatchObject({
      type: 'message.delivered',
      correlation: 'partial',
      recipientUser: 'alice@example.nl',
    });
    expect(JSON.stringify(event)).not.toContain('PLANTED');
  });

  it.each([
    'lmtp(alice)<1><abcdefgh>: Info: msgid=<x)<9><zzzzzzzz>: msgid=<y>: saved mail to INBOX>: saved mail to INBOX',
    'lmtp(x)<9><zzzzzzzz>: msgid=<y>: saved mail to INBOX@h)<1><abcdefgh>: Info: msgid=<m@x>: saved mail to INBOX',
  ])('so that two readings make sense: none is taken: %s', (message) => {
    const result = correlator().process(record(message));
    expect(result).toEqual({ kind: 'notUnderstood', reason: 'dovecot.prefix_ambiguous' });
  });
});

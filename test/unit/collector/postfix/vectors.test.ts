import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { postfixAdapter } from '../../../../services/collector/postfix/index.ts';
import { eventsOf, recordsOf } from './support.ts';

const folder = process.env.GRIFFIE_VECTORS ?? join(import.meta.dirname, '../../../../../shared/vectors');
const captured = join(folder, 'mail-logs/captured/postfix.log');
const crowdsec = join(folder, 'mail-logs/crowdsec/postfix-logs/postfix-logs.log');
const absent = (path: string) => (existsSync(path) ? '' : ` (skipped: ${path} is absent)`);

describe.skipIf(!existsSync(captured))(`a captured Postfix 3.7 session${absent(captured)}`, () => {
  it('gives every accepted message, rejection, delivery and deferral, and nothing else', () => {
    const events = eventsOf(readFileSync(captured, 'utf8'));
    expect(
      events.map((e) => [e.type, e.queueId, e.senderAddress, e.recipientAddress, e.correlation]),
    ).toEqual([
      ['message.accepted', '19C0C17A3F5', 'carol@external.example', undefined, 'complete'],
      ['message.delivered', '19C0C17A3F5', 'carol@external.example', 'alice@example.nl', 'complete'],
      ['message.rejected', '246DC17A3F5', 'alice@example.nl', 'nosuch@example.nl', 'complete'],
      ['message.accepted', '246DC17A3F5', 'alice@example.nl', undefined, 'complete'],
      ['message.delivered', '246DC17A3F5', 'alice@example.nl', 'bob@example.nl', 'complete'],
      ['message.accepted', '2E4CC17A3F5', 'alice@example.nl', undefined, 'complete'],
      ['message.deferred', '2E4CC17A3F5', 'alice@example.nl', 'someone@127.0.0.9.invalid', 'complete'],
      ['message.deferred', '2E4CC17A3F5', 'alice@example.nl', 'someone@127.0.0.9.invalid', 'complete'],
    ]);
    for (const event of events) expect(event.senderIp).toBe('127.0.0.1');
    expect(events.at(-1)).toMatchObject({
      dsn: '4.4.3',
      outcome: 'deferred',
      messageId: '20261122170340.010301@vm',
    });
  });
});

describe.skipIf(!existsSync(crowdsec))(`crowdsec's lines${absent(crowdsec)}`, () => {
  it('give a failed login and the rejections, with what its own parser expects', () => {
    const correlator = postfixAdapter.createCorrelator([]);
    const results = recordsOf(readFileSync(crowdsec, 'utf8')).map((record) => correlator.process(record));
    const events = results.flatMap((result) => (result.kind === 'understood' ? result.events : []));
    expect(results.map((result) => result.kind)).toEqual([
      ...Array.from({ length: 5 }, () => 'understood'),
      'ignored',
      'ignored',
    ]);
    expect(
      events.map((e) => [e.type, e.senderIp, e.originHostName, e.replyCode, e.dsn, e.recipientAddress]),
    ).toEqual([
      ['session.login_failed', '192.168.1.1', undefined, undefined, undefined, undefined],
      ['message.rejected', '192.168.1.1', undefined, 554, '5.7.1', undefined],
      ['message.rejected', '192.168.1.1', undefined, 504, '5.5.2', 'spammer@domain.tld'],
      ['message.rejected', '192.168.1.1', undefined, 454, '4.7.1', 'spammer@domain.tld'],
      [
        'message.rejected',
        '192.168.1.1',
        'static.1.1.168.192.client.domain.xyz',
        454,
        '4.7.1',
        'spammer@domain.tld',
      ],
    ]);
    expect(events[1]?.correlation).toBe('partial');
  });
});

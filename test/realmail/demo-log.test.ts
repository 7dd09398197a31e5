import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type ParseSummary, parseStream } from '#services/collector';
import type { EventType, TrafficEvent } from '#shared/traffic';

const folder = join(import.meta.dirname, '../fixtures/demo-log');

type Counts = Record<string, number>;
interface PersonFacts {
  sent: { messageId: string; queueId: string; clientIp: string; recipients: string[] }[];
  received: { messageId: string }[];
  bounceMessagesReceived: number;
  logins: { protocol: string; clientIp: string }[];
  failedLogins: { protocol: string; clientIp: string }[];
}
interface Expected {
  window: { from: string; to: string };
  messages: {
    acceptedFromClients: number;
    bounceMessages: number;
    acceptedBySender: Counts;
    acceptedByUser: Counts;
  };
  recipients: {
    delivered: number;
    bounced: number;
    greylistedOnceThenDelivered: number;
    expired: number;
    rejected: number;
    deliveredByRecipient: Counts;
  };
  sessions: {
    logins: number;
    loginsByProtocol: Counts;
    loginsByUser: Counts;
    failedLogins: number;
    failedLoginsByProtocol: Counts;
    failedLoginsByUser: Counts;
  };
  people: Record<string, PersonFacts>;
}

async function parse(software: 'postfix' | 'dovecot', now: number) {
  const events: TrafficEvent[] = [];
  const stream = parseStream(software, createReadStream(join(folder, `${software}.log`)), {
    clock: { now: () => now },
    host: 'mx1.example.nl',
  });
  for await (const event of stream.events) events.push(event);
  return { events, summary: stream.summary() };
}

function countBy(events: readonly TrafficEvent[], key: (event: TrafficEvent) => string | undefined): Counts {
  const counts: Counts = {};
  for (const event of events) {
    const name = key(event);
    if (name !== undefined) counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

describe('the bundled log of real servers', () => {
  let expected: Expected;
  let postfix: TrafficEvent[];
  let dovecot: TrafficEvent[];
  let summaries: ParseSummary[];
  const of = (events: readonly TrafficEvent[], type: EventType) => events.filter((e) => e.type === type);

  beforeAll(async () => {
    expected = JSON.parse(await readFile(join(folder, 'expected.json'), 'utf8'));
    const now = Date.parse(expected.window.to) + 60_000;
    const [fromPostfix, fromDovecot] = await Promise.all([parse('postfix', now), parse('dovecot', now)]);
    postfix = fromPostfix.events;
    dovecot = fromDovecot.events;
    summaries = [fromPostfix.summary, fromDovecot.summary];
  });

  it('is understood line by line, and every event is complete', () => {
    for (const summary of summaries) expect(summary.notUnderstood).toEqual({});
    // Postfix before 3.11 may name what a report is about, and so whose it is, after it has accepted it.
    const mayBePartial = (event: TrafficEvent) => event.type === 'message.accepted' && event.senderNull;
    const partial = [...postfix, ...dovecot].filter((event) => event.correlation === 'partial');
    expect(partial.filter((event) => !mayBePartial(event))).toEqual([]);
  });

  it('has each event once, within the time it was made in', () => {
    const all = [...postfix, ...dovecot];
    expect(new Set(all.map((event) => `${event.software} ${event.eventId}`)).size).toBe(all.length);
    const from = Math.floor(Date.parse(expected.window.from) / 1000) * 1000;
    for (const event of all) {
      expect(Date.parse(event.occurredAt)).toBeGreaterThanOrEqual(from);
      expect(Date.parse(event.occurredAt)).toBeLessThanOrEqual(Date.parse(expected.window.to));
    }
  });

  it('has every accepted message by its sender and its user, and every report', () => {
    const accepted = of(postfix, 'message.accepted');
    expect(accepted).toHaveLength(expected.messages.acceptedFromClients + expected.messages.bounceMessages);
    expect(countBy(accepted, (e) => e.senderAddress)).toEqual(expected.messages.acceptedBySender);
    expect(countBy(accepted, (e) => e.senderUser)).toEqual(expected.messages.acceptedByUser);
    const reports = accepted.filter((event) => event.senderNull);
    expect(reports).toHaveLength(expected.messages.bounceMessages);
    // The deliveries name it each time.
    const delivered = of(postfix, 'message.delivered').filter((event) => event.senderNull);
    const bounced = [...of(postfix, 'message.bounced'), ...of(postfix, 'message.expired')];
    expect(delivered.map((event) => event.relatedQueueId).sort()).toEqual(
      bounced.map((event) => event.queueId).sort(),
    );
  });

  it('has every recipient’s fate', () => {
    const { recipients } = expected;
    expect(countBy(of(postfix, 'message.delivered'), (e) => e.recipientAddress)).toEqual(
      recipients.deliveredByRecipient,
    );
    expect(of(postfix, 'message.delivered')).toHaveLength(recipients.delivered);
    expect(of(postfix, 'message.bounced')).toHaveLength(recipients.bounced);
    expect(of(postfix, 'message.rejected')).toHaveLength(recipients.rejected);
    expect(of(postfix, 'message.expired')).toHaveLength(recipients.expired);
    const greylisted = of(postfix, 'message.deferred').filter((e) => e.recipientAddress?.startsWith('grey-'));
    expect(greylisted).toHaveLength(recipients.greylistedOnceThenDelivered);
  });

  it('has every login, logout and failed login by user', () => {
    const { sessions } = expected;
    const logins = of(dovecot, 'session.login');
    expect(countBy(logins, (e) => e.service)).toEqual(sessions.loginsByProtocol);
    expect(countBy(logins, (e) => e.recipientUser)).toEqual(sessions.loginsByUser);
    expect(countBy(of(dovecot, 'session.logout'), (e) => e.recipientUser)).toEqual(sessions.loginsByUser);
    const failed = [...of(postfix, 'session.login_failed'), ...of(dovecot, 'session.login_failed')];
    expect(failed).toHaveLength(sessions.failedLogins);
    expect(countBy(failed, (e) => e.service)).toEqual(sessions.failedLoginsByProtocol);
    expect(countBy(failed, (e) => e.senderUser ?? e.recipientUser)).toEqual(sessions.failedLoginsByUser);
  });

  it.each(['alice@example.nl', 'bob@example.nl'])('has everything about %s, message by message', (person) => {
    const facts = expected.people[person];
    if (facts === undefined) throw new Error(`expected.json says nothing about ${person}`);
    const accepted = of(postfix, 'message.accepted').filter((e) => e.senderAddress === person);
    expect(accepted.map(({ messageId, queueId, senderIp }) => ({ messageId, queueId, senderIp }))).toEqual(
      facts.sent.map(({ messageId, queueId, clientIp }) => ({ messageId, queueId, senderIp: clientIp })),
    );
    const [local, domain] = person.split('@');
    const own = (address: string | undefined) =>
      address === person || (address?.startsWith(`${local}+`) && address.endsWith(`@${domain}`));
    const received = of(postfix, 'message.delivered').filter((e) => own(e.recipientAddress));
    const reports = received.filter((e) => e.senderNull);
    expect(reports).toHaveLength(facts.bounceMessagesReceived);
    expect(received.flatMap((e) => (e.senderNull ? [] : (e.messageId ?? ''))).sort()).toEqual(
      facts.received.map((message) => message.messageId).sort(),
    );
    const session = (e: { clientIp?: string | undefined; protocol: string }) => `${e.protocol} ${e.clientIp}`;
    const sessionsOf = (type: EventType) =>
      [...postfix, ...dovecot]
        .filter((e) => e.type === type && (e.recipientUser === person || e.senderUser === person))
        .map((e) => session({ clientIp: e.clientIp, protocol: e.service }))
        .sort();
    expect(sessionsOf('session.login')).toEqual(facts.logins.map(session).sort());
    expect(sessionsOf('session.logout')).toEqual(facts.logins.map(session).sort());
    expect(sessionsOf('session.login_failed')).toEqual(facts.failedLogins.map(session).sort());
  });
});

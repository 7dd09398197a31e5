import { type DayOfTraffic, happeningsQuery } from './happenings.ts';

/*
 * The events of a day's happenings, as the collector makes them from Postfix's and Dovecot's lines: a test
 * holds them against the collector's own, read from the lines that lines.ts writes of the same happenings.
 */

/** What one happening gives: kind of event, recipient's number, milliseconds after it began. */
const step = (name: string, recipient: number | string, ms: number | string): string =>
  `('${name}', toUInt64(${recipient}), toInt64(${ms}))`;
const steps = `multiIf(
  kind = 'inbound', arrayConcat([${step('accepted', 0, 40)}], arrayFlatten(arrayMap(n -> [${step('delivered', 'n', '200 + 30 * n')}, ${step('saved', 'n', '190 + 30 * n')}], range(members)))),
  kind = 'outbound', arrayConcat([${step('accepted', 0, 60)}], arrayMap(n -> ${step('handed over', 'n', '900 + 200 * n')}, range(members))),
  kind = 'rejected', [${step('rejected', 0, 20)}],
  kind = 'session', arrayConcat([${step('login', 0, 0)}, ${step('logout', 0, 'durationMs')}], if(retrieved > 0, [${step('retrieved', 0, 'durationMs')}], [])),
  [${step('login_failed', 0, 2100)}])`;

const isIn = (...names: string[]): string => `step.1 IN (${names.map((name) => `'${name}'`).join(', ')})`;
const message = isIn('accepted', 'delivered', 'handed over');
const delivery = isIn('delivered', 'handed over');
const session = isIn('login', 'login_failed', 'logout', 'retrieved');
const submitted = `kind = 'outbound'`;
const nullUnless = (condition: string, value: string): string =>
  `if(${condition}, toNullable(${value}), NULL)`;
const textIf = (condition: string, value: string): string => `if(${condition}, ${value}, '')`;

/** Columns to insert into the table `traffic`, each an expression over a happening and one of its steps. */
const columns = {
  schemaVersion: '1',
  type: `multiIf(step.1 = 'handed over', multiIf(fate = 'sent', 'message.delivered', fate = 'deferred', 'message.deferred', 'message.bounced'), ${isIn('delivered', 'saved')}, 'message.delivered', step.1 = 'retrieved', 'mailbox.retrieved', concat(if(${session}, 'session.', 'message.'), step.1))`,
  occurredAt: `fromUnixTimestamp64Milli(atMs + step.3, 'UTC')`,
  occurredAtNote: `''`,
  // What is read together is collected at one time; a day's last events still count for that day.
  collectedAt: `fromUnixTimestamp64Milli(intDiv(atMs + step.3, 500) * 500 + 800, 'UTC')`,
  host: `if(${session} OR step.1 = 'saved', store, mx)`,
  instance: `''`,
  software: `if(${session} OR step.1 = 'saved', 'dovecot', 'postfix')`,
  service: `multiIf(${session}, protocol, ${isIn('delivered', 'saved')}, 'lmtp', step.1 = 'handed over', 'smtp', ${submitted}, 'submission', 'smtp')`,
  protocol: `multiIf(${session}, protocol, ${isIn('delivered', 'saved')}, 'lmtp', step.1 = 'handed over', 'smtp', step.1 = 'rejected', 'esmtp', '')`,
  sessionId: textIf(`${session} OR step.1 = 'saved'`, `sessionIds[1 + step.2]`),
  queueId: textIf(message, 'queueId'),
  relatedQueueId: `''`,
  messageId: textIf(`${message} OR step.1 = 'saved'`, 'messageId'),
  messageIdHashed: 'false',
  sizeOctets: nullUnless(message, 'sizeOctets'),
  recipientCount: nullUnless(message, 'members'),
  senderIp: textIf(`${message} OR step.1 = 'rejected'`, 'clientIp'),
  senderPort: '0',
  senderAddress: textIf(`${message} OR step.1 = 'rejected'`, `if(${submitted}, mailbox, partner)`),
  senderNull: 'false',
  senderUser: textIf(`${message} AND ${submitted}`, 'mailbox'),
  originHostIp: textIf(`${message} OR step.1 = 'rejected'`, 'clientIp'),
  originHostName: textIf(`${message} OR step.1 = 'rejected'`, 'clientName'),
  recipientAddress: textIf(`${delivery} OR ${isIn('saved', 'rejected')}`, 'recipient'),
  recipientOriginalAddress: `''`,
  recipientUser: multi([
    [session, 'mailbox'],
    [`step.1 = 'saved'`, 'recipient'],
  ]),
  deliveryHostIp: multi([
    [`step.1 = 'delivered'`, `concat('10.255.0.', substring(store, 5))`],
    [`step.1 = 'handed over' AND fate != 'deferred'`, `partnerIps[1 + step.2]`],
  ]),
  deliveryHostName: multi([
    [`step.1 = 'delivered'`, `concat(store, '.host.example')`],
    [`step.1 = 'saved'`, 'store'],
    [`step.1 = 'handed over' AND fate != 'deferred'`, `partnerHosts[1 + step.2]`],
  ]),
  deliveryHostPort: `multiIf(step.1 = 'delivered', 24, step.1 = 'handed over' AND fate != 'deferred', 25, 0)`,
  clientIp: textIf(session, 'clientIp'),
  clientPort: '0',
  proxyIp: `''`,
  bytesSent: nullUnless(isIn('logout', 'retrieved'), 'bytesSent'),
  bytesReceived: nullUnless(`${isIn('logout', 'retrieved')} AND protocol = 'imap'`, 'bytesReceived'),
  outcome: `multiIf(step.1 = 'delivered', 'sent', step.1 = 'saved', 'saved', step.1 = 'handed over', fate, step.1 = 'rejected', 'reject', step.1 = 'login', 'ok', step.1 = 'login_failed', 'auth_failed', '')`,
  dsn: `multiIf(step.1 = 'delivered', '2.0.0', step.1 = 'handed over', multiIf(fate = 'sent', '2.0.0', fate = 'deferred', '4.4.1', '5.1.1'), step.1 = 'rejected', substring(refusal, 5), '')`,
  replyCode: `toUInt16(multiIf(step.1 = 'delivered', 250, step.1 = 'handed over', multiIf(fate = 'sent', 250, fate = 'deferred', 0, 550), step.1 = 'rejected', toUInt16(substring(refusal, 1, 3)), 0))`,
  tls: `multiIf(${session}, toNullable(true), step.1 = 'accepted' AND ${submitted}, true, NULL)`,
  correlation: `'complete'`,
  sourceId: `if(${session} OR step.1 = 'saved', concat(store, '-dovecot'), concat(mx, '-postfix'))`,
  sourcePosition: `concat(toString(intDiv(atMs, 86400000)), ':', toString(number * 1103 + position * 181))`,
  // As shared/traffic/event-id.ts makes it of the two before.
  eventIdHex: `lower(hex(substring(SHA256(concat('["griffie-event/v1","', \`sourceId of event\`, '","', \`sourcePosition of event\`, '",0]')), 1, 16)))`,
} as const;

function multi(cases: readonly (readonly [condition: string, value: string])[]): string {
  return `multiIf(${cases.map(([condition, value]) => `${condition}, ${value}`).join(', ')}, '')`;
}

/** Columns in the order in which `eventsQuery` gives them. */
export const eventColumns = Object.keys(columns);

/** `SELECT` of one day's events with the columns of the table `traffic`. */
export function eventsQuery(day: DayOfTraffic): string {
  const list = Object.entries(columns).map(([name, expression]) => `${expression} AS \`${name} of event\``);
  const names = eventColumns.map((name) => `\`${name} of event\` AS ${name}`);
  return `SELECT ${names.join(', ')} FROM (
SELECT ${list.join(',\n  ')}
FROM (
  SELECT *, step, position, fates[1 + step.2] AS fate, recipients[1 + step.2] AS recipient
  FROM (SELECT *, ${steps} AS steps FROM (${happeningsQuery(day)}
  )) ARRAY JOIN steps AS step, arrayEnumerate(steps) AS position
))`;
}

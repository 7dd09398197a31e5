import {
  accessName,
  botIp,
  clientIp,
  exchangerIp,
  exchangerName,
  exchangerNumber,
  mailboxAddress,
  partnerAddress,
  partnerDomain,
  partnerDomainRank,
  population,
} from './identities.ts';
import { among, bits, byShare, literals, pick, uniform, zipf } from './sql.ts';

/*
 * What happens at the mail host on one day: a message comes in, goes out or is refused, somebody reads mail,
 * a botnet guesses a password. Each happening is a row with all that its events and its log lines say, so
 * that both can be made from the same facts.
 */

export const kinds = ['inbound', 'outbound', 'rejected', 'session', 'guess'] as const;
export type Kind = (typeof kinds)[number];

/** Shares of the kinds, in their order. */
const shares = [0.36, 0.1, 0.12, 0.3, 0.12] as const;

/** Events that a happening gives on average: with the shares above and the numbers of recipients below. */
export const eventsPerHappening = 2.66;

/** Relative load of each hour of the day, UTC: little at night, most in the late morning. */
const load = [3, 2, 2, 2, 3, 5, 9, 14, 19, 21, 20, 18, 17, 19, 19, 17, 15, 12, 10, 9, 9, 8, 6, 4];
const sum = load.reduce((total, hour) => total + hour, 0);
/** Share of the day that is over when each hour begins. */
const begun = load.map((_, hour) => load.slice(0, hour).reduce((total, l) => total + l, 0) / sum);

/** Milliseconds of the day at which a share of its load is over. */
function timeOfDay(share: string): string {
  const hour = `(arrayCount(x -> x <= ${share}, ${literals(begun)}) - 1)`;
  const within = `(${share} - ${pick(begun, hour)}) / (${pick(load, hour)} / ${sum})`;
  return `toInt64((${hour} + ${within}) * 3600000)`;
}

export interface DayOfTraffic {
  /** Same seed, same traffic. */
  readonly seed: number;
  /** Milliseconds since the epoch, 00:00 UTC. */
  readonly start: number;
  readonly happenings: number;
}

/** Columns of a happening, for the renderers; absent text is ''. */
export interface Happening {
  readonly kind: Kind;
  readonly atMs: number;
  readonly mx: string;
  readonly store: string;
  readonly mailbox: string;
  readonly partner: string;
  readonly clientIp: string;
  readonly clientName: string;
  readonly partnerIps: readonly string[];
  readonly partnerHosts: readonly string[];
  /** Envelope recipients; of a session its mailbox alone. */
  readonly recipients: readonly string[];
  readonly fates: readonly string[];
  readonly queueId: string;
  readonly messageId: string;
  readonly sizeOctets: number;
  readonly sessionIds: readonly string[];
  readonly protocol: string;
  readonly durationMs: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly retrieved: number;
  readonly refusal: string;
}

/** Rejections that a mail exchanger gives most: reply code and enhanced status code. */
export const refusals = ['554 5.7.1', '450 4.7.1', '550 5.1.1'] as const;

/** Length of a stay: half a minute in the middle, half an hour at the most. */
const durationMs = `toInt64(exp(3.4 + 2.2 * (${uniform('h', 'stay')} - 0.5) * 2) * 1000)`;

/** How many recipients a message has: most have one. */
const recipientCount = byShare(
  [
    ['1', 0.8],
    ['2', 0.12],
    ['3', 0.05],
    [`4 + ${among(7, 'h', 'many')}`, 0.03],
  ],
  uniform('h', 'recipients'),
);

/** `SELECT` of one day's happenings in the order of time, with the columns of `Happening` and `number`. */
export function happeningsQuery({ seed, start, happenings }: DayOfTraffic): string {
  const day = Math.round(start / 86_400_000);
  const member = (n: string): string => `h + ${n} * 7919`;
  return `
SELECT *,
  if(kind = 'inbound' OR kind = 'rejected', ${exchangerIp('peerDomain', 'peerHost')}, if(kind = 'guess', ${botIp('h')}, ${clientIp('mailboxRank', String(day), 'h')})) AS clientIp,
  if(kind = 'inbound' OR kind = 'rejected', if(kind = 'rejected' AND ${among(3, 'h', 'nameless')} = 0, '', ${exchangerName('peerDomain', 'peerHost')}), ${accessName('clientIp')}) AS clientName,
  arrayMap(d -> concat('mx', toString(1 + d % 2), '.', ${partnerDomain('d')}), recipientDomains) AS partnerHosts,
  arrayMap(d -> ${exchangerIp('d', '40 + d % 2')}, recipientDomains) AS partnerIps
FROM (
  SELECT *,
    ${mailboxAddress('mailboxRank')} AS mailbox,
    ${partnerDomainRank('partnerRank')} AS peerDomain,
    ${exchangerNumber('peerDomain', 'h')} AS peerHost,
    ${partnerAddress('partnerRank', 'peerDomain')} AS partner,
    arrayMap(r -> ${partnerDomainRank('r')}, recipientRanks) AS recipientDomains,
    multiIf(
      kind = 'outbound', arrayMap((r, d) -> ${partnerAddress('r', 'd')}, recipientRanks, recipientDomains),
      kind = 'inbound', arrayMap(r -> ${mailboxAddress('r')}, recipientRanks),
      [mailbox]) AS recipients
  FROM (
    SELECT *,
      multiIf(
        kind = 'outbound', arrayMap(n -> ${circle('mailboxRank', member('n'))}, range(members)),
        kind = 'inbound', arrayMap(n -> if(n = 0, mailboxRank, ${zipf(population.mailboxes, member('n'), 'other')}), range(members)),
        []) AS recipientRanks
    FROM (
      SELECT number, kind, h, atMs,
        concat('mx', toString(1 + ${among(3, 'h', 'mx')})) AS mx,
        ${mailboxRank} AS mailboxRank,
        concat('mail', toString(1 + mailboxRank % 4)) AS store,
        if(${among(2, 'h', 'bulk')} = 0, ${zipf(population.partners, 'h', 'partner')}, ${circle('mailboxRank', 'h')}) AS partnerRank,
        if(kind IN ('inbound', 'outbound'), toUInt64(${recipientCount}), 1) AS members,
        arrayMap(n -> ${byShare(
          [
            ["'sent'", 0.95],
            ["'deferred'", 0.03],
            ["'bounced'", 0.02],
          ],
          uniform(member('n'), 'fate'),
        )}, range(members)) AS fates,
        substring(hex(${bits('h', 'queue')}), 1, 11) AS queueId,
        if(${among(3, 'h', 'id form')} = 0, concat('CA', base64URLEncode(reinterpretAsString(${bits('h', 'id')})), base64URLEncode(reinterpretAsString(${bits('h', 'id2')})), '@mail.', ${partnerDomain('partnerRank % 1000')}), concat(toString(atMs), '.', lower(hex(${bits('h', 'id')})), '@', ${partnerDomain(partnerDomainRank('partnerRank'))})) AS messageId,
        toUInt64(exp(7.5 + 5 * ${uniform('h', 'size')})) AS sizeOctets,
        arrayMap(n -> base64Encode(concat(reinterpretAsString(bitAnd(toUInt64(atMs) * 1000 + ${among(1000, member('n'), 'us')}, 281474976710655)), reinterpretAsString(toUInt16(32768 + ${among(28000, member('n'), 'port')})), unhex('0AFF'), reinterpretAsString(toUInt16(${among(65536, 'mailboxRank', 'session')})))), range(members)) AS sessionIds,
        ${pick(['imap', 'imap', 'imap', 'imap', 'pop3'], among(5, 'h', 'protocol'))} AS protocol,
        least(${durationMs}, ${start + 86_400_000 - 10_000} - atMs) AS durationMs,
        toUInt64(20 + exp(7 * ${uniform('h', 'in')})) AS bytesReceived,
        toUInt64(if(durationMs > 2000, ${among(2, 'h', 'read')} * (1 + ${among(5, 'h', 'count')}), 0)) AS retrieved,
        toUInt64(if(protocol = 'pop3' AND retrieved = 0, 0, 400 + exp(12 * ${uniform('h', 'out')}))) AS bytesSent,
        ${pick(refusals, among(3, 'h', 'refusal'))} AS refusal
      FROM (
        SELECT number,
          sipHash64(${seed}, ${day}, number) AS h,
          ${byShare(
            kinds.map((kind, index) => [`'${kind}'`, shares[index] ?? 0] as const),
            uniform('h', 'kind'),
          )} AS kind,
          ${start} + least(${timeOfDay(`((number + ${uniform('h', 'time')}) / ${happenings})`)}, 86_380_000) AS atMs
        FROM numbers(${happenings})
      )
    )
  )
)`;
}

/** Mailboxes are used unequally; guesses go for all of them alike. */
const mailboxRank = `if(kind = 'guess', ${among(population.mailboxes, 'h', 'victim')}, ${zipf(population.mailboxes, 'h', 'mailbox')})`;

/** One of the forty people with whom a mailbox has to do, the first of them most. */
function circle(mailbox: string, of: string): string {
  return `(${bits(`${mailbox} * 64 + ${zipf(40, of, 'acquaintance')}`, 'circle')} % ${population.partners})`;
}

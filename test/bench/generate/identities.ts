import { domainWords, firstNames, lastNames } from './names.ts';
import { among, bits, byShare, pick, uniform, zipf } from './sql.ts';

/*
 * Who takes part, as SQL over ranks: mailboxes of the host, partners elsewhere, their domains, their mail
 * exchangers and the addresses that people and botnets come from. Networks are private and documentation
 * ranges (RFC 1918, RFC 3849).
 */

/** How many there are of each. A large host; the numbers do not grow with the time that is generated. */
export const population = {
  mailboxes: 200_000,
  hostedDomains: 3_000,
  partners: 4_000_000,
  partnerDomains: 60_000,
  bots: 300_000,
  /** Addresses that a provider shares out among its customers. */
  homeAddresses: 60_000,
  mobileAddresses: 2_000,
} as const;

function localPart(rank: string): string {
  const [first, last] = [firstNames.length, lastNames.length];
  const number = `intDiv(${rank}, ${first * last})`;
  return `concat(${pick(firstNames, `${rank} % ${first}`)}, '.', ${pick(lastNames, `intDiv(${rank}, ${first}) % ${last}`)}, if(${number} = 0, '', toString(${number})))`;
}

function domainName(rank: string, topLevel: string): string {
  const n = domainWords.length;
  const number = `intDiv(${rank}, ${n * n})`;
  return `concat(${pick(domainWords, `intDiv(${rank}, ${n}) % ${n}`)}, ${pick(domainWords, `${rank} % ${n}`)}, if(${number} = 0, '', toString(${number})), '${topLevel}')`;
}

/** Address of a mailbox; a few domains have most of them. */
export function mailboxAddress(rank: string): string {
  return `concat(${localPart(rank)}, '@', ${domainName(zipf(population.hostedDomains, rank, 'hosted'), '.nl.example')})`;
}

/** Rank of the domain that a partner has its address at: freemail is at the top. */
export function partnerDomainRank(partner: string): string {
  return zipf(population.partnerDomains, partner, 'domain');
}

export function partnerDomain(domainRank: string): string {
  return domainName(domainRank, '.example');
}

export function partnerAddress(partner: string, domainRank: string): string {
  const local = `if(${among(10, partner, 'tagged')} = 0, concat(${localPart(partner)}, '+', ${pick(domainWords, among(domainWords.length, partner, 'tag'))}), ${localPart(partner)})`;
  return `concat(${local}, '@', ${partnerDomain(domainRank)})`;
}

/** Number of one of a domain's hosts: up to 48 for the largest, one for most. */
export function exchangerNumber(domainRank: string, of: string): string {
  return among(`(1 + intDiv(48, 1 + ${domainRank}))`, of, 'exchanger');
}

export function exchangerName(domainRank: string, number: string): string {
  return `concat('out', toString(1 + ${number}), '.', ${partnerDomain(domainRank)})`;
}

function ipv4(second: number, number: string): string {
  return `IPv4NumToString(toUInt32(${10 * 2 ** 24 + second * 2 ** 16} + ${number}))`;
}

/** @param network, @param host expressions of 64 bits; the network is 2001:db8::/32 and 32 bits of it. */
function ipv6(network: string, host: string): string {
  return `IPv6NumToString(toFixedString(unhex(concat('20010db8', leftPad(lower(hex(toUInt32(${network}))), 8, '0'), leftPad(lower(hex(toUInt64(${host}))), 16, '0'))), 16))`;
}

/** Fixed for each host of each domain; one in six domains sends over IPv6. */
export function exchangerIp(domainRank: string, number: string): string {
  const v4 = ipv4(0, `(${bits(`${domainRank} * 64 + ${number}`, 'exchanger4')} % 4000000)`);
  return `if(${among(6, domainRank, 'exchanger6')} = 0, ${ipv6(bits(domainRank, 'network'), `37 + ${number}`)}, ${v4})`;
}

/** Where a person is: at home (IPv6 with an interface identifier a day, or a shared IPv4 address), under way, at work. */
export function clientIp(mailbox: string, day: string, of: string): string {
  const home4 = ipv4(128, `(${bits(mailbox, 'home4')} % ${population.homeAddresses})`);
  const home6 = ipv6(bits(mailbox, 'home6'), bits(`${mailbox} * 1000 + ${day}`, 'interface'));
  const home = `if(${among(100, mailbox, 'has6')} < 35, ${home6}, ${home4})`;
  const mobile = ipv4(160, `(${bits(of, 'mobile')} % ${population.mobileAddresses})`);
  const work = ipv4(192, `(${bits(zipf(population.hostedDomains, mailbox, 'hosted'), 'office')} % 16384)`);
  return byShare(
    [
      [home, 0.6],
      [mobile, 0.25],
      [work, 0.15],
    ],
    uniform(of, 'place'),
  );
}

export function botIp(of: string): string {
  return ipv4(208, zipf(population.bots, of, 'bot'));
}

/** Reverse name of a customer's address; one in five has none. */
export function accessName(ip: string): string {
  return `if(${among(5, ip, 'reverse')} = 0, '', concat('host-', replaceAll(replaceAll(${ip}, ':', '-'), '.', '-'), '.access.example'))`;
}

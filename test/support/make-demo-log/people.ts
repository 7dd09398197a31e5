/*
 * The invented world of the demo's log. Addresses are those reserved for documentation (RFC 5737, RFC 3849);
 * every address that the servers listen on or relay to is a loopback one.
 */

export const hostName = 'mx1.example.nl';
export const localDomains = ['example.nl', 'example.net'] as const;

/** The person that the demo's order is about. */
export const alice = 'alice@example.nl';

const names =
  'bob carol david emma frank grace henk ingrid jan karin lars maria noah olga piet quinn rosa sander tess ' +
  'umar vera willem xander yvonne zoe anouk bram chris daan eva fatima gijs hanna ivo julia koen lotte';
const netNames = 'mark nina oscar paula ruben sofie thijs ursula victor wendy';

/** Everybody with a mailbox but Alice. */
export const others: readonly string[] = [
  ...names.split(' ').map((name) => `${name}@example.nl`),
  ...netNames.split(' ').map((name) => `${name}@example.net`),
];

/** Not a secret: the accounts exist while the log is made, on loopback. */
export const passwordOf = (address: string): string => `demo-password-of-${address.split('@')[0]}`;

/** `info@` is where some of Alice's mail comes through; the others leave her out. */
export const aliases: Readonly<Record<string, readonly string[]>> = {
  'info@example.nl': ['alice@example.nl', 'bob@example.nl'],
  'sales@example.nl': ['carol@example.nl', 'david@example.nl', 'emma@example.nl'],
  'postmaster@example.nl': ['henk@example.nl'],
  'support@example.net': ['nina@example.net', 'oscar@example.net'],
};

/** A machine that connects to the servers; without a name, its address has no reverse DNS. */
export interface Machine {
  readonly ip: string;
  readonly name?: string;
}

export interface OutsideSender {
  readonly address: string;
  readonly machine: Machine;
}

const exampleOrg: Machine = { ip: '198.51.100.25', name: 'mail.example.org' };
const exampleOrg6: Machine = { ip: '2001:db8:25::25', name: 'mail6.example.org' };
const exampleCom: Machine = { ip: '203.0.113.40', name: 'out1.mail.example.com' };
const university: Machine = { ip: '198.51.100.77', name: 'smtp.uni.example' };
const newsletter: Machine = { ip: '203.0.113.99', name: 'bulk.news.example' };
const nameless: Machine = { ip: '203.0.113.201' };

export const outsideSenders: readonly OutsideSender[] = [
  ...['adam', 'beatrix', 'carlos', 'dora', 'edwin', 'floor'].map((name) => ({
    address: `${name}@example.org`,
    machine: exampleOrg,
  })),
  ...['gerda', 'hugo'].map((name) => ({ address: `${name}@example.org`, machine: exampleOrg6 })),
  ...['irene', 'joost', 'kim', 'leo', 'mia', 'nico'].map((name) => ({
    address: `${name}@example.com`,
    machine: exampleCom,
  })),
  ...['prof.olsen', 'dr.peters', 'registry'].map((name) => ({
    address: `${name}@uni.example`,
    machine: university,
  })),
  { address: 'bounces+2231@news.example', machine: newsletter },
  { address: 'shop@webwinkel.example', machine: nameless },
];

export const spammers: readonly Machine[] = [
  { ip: '203.0.113.66' },
  { ip: '203.0.113.67' },
  { ip: '2001:db8:bad::1' },
  { ip: '198.51.100.199', name: 'host-199.dynamic.example' },
];

/** Where people read and send from: at home, and under way over IPv6. */
export function machinesOf(address: string): { home: Machine; mobile: Machine } {
  const index = address === alice ? 14 : 20 + others.indexOf(address);
  return {
    home: { ip: `192.0.2.${index}`, name: `dsl-${index}.access.example.net` },
    mobile: { ip: `2001:db8:51::${index.toString(16)}` },
  };
}

/** Servers that the demo relays to. `down.example` is never started. */
export const relayHosts = {
  'example.org': { name: 'mx.example.org', ip: '127.0.0.21', port: 10025 },
  'example.com': { name: 'mx.example.com', ip: '127.0.0.22', port: 10025 },
  'uni.example': { name: 'mx.uni.example', ip: '127.0.0.23', port: 10025 },
  'down.example': { name: 'mx.down.example', ip: '127.0.0.24', port: 10025 },
} as const;

/** The hosts file of the namespace in which the log is made: the only source of names there. */
export function hostsFile(): string {
  const machines = [
    { ip: '127.0.0.1', name: `localhost ${hostName}` },
    { ip: '::1', name: 'localhost' },
    ...Object.values(relayHosts),
    ...outsideSenders.map((sender) => sender.machine),
    ...spammers,
    ...[alice, ...others].flatMap((address) => Object.values(machinesOf(address)) as Machine[]),
  ];
  const lines = machines.flatMap((m) => (m.name === undefined ? [] : [`${m.ip} ${m.name}`]));
  return `${[...new Set(lines)].join('\n')}\n`;
}

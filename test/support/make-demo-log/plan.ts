import { alice, type Machine, machinesOf, others, outsideSenders, passwordOf, spammers } from './people.ts';
import { Random } from './random.ts';

/** One thing that a person or a machine does with the servers. */
export type Action =
  | {
      readonly kind: 'submit';
      readonly from: string;
      readonly machine: Machine;
      readonly to: readonly string[];
      readonly utf8?: true;
    }
  | {
      readonly kind: 'inbound';
      readonly from: string;
      readonly machine: Machine;
      readonly to: readonly string[];
      /** Recipients that the server is bound to refuse. */
      readonly refused?: readonly string[];
    }
  | {
      readonly kind: 'session';
      readonly protocol: 'imap' | 'pop3' | 'managesieve';
      readonly user: string;
      readonly machine: Machine;
      readonly tls: boolean;
      /** Fetch the newest messages, at most so many. */
      readonly fetch: number;
      readonly holdMs: number;
    }
  | {
      readonly kind: 'failedLogin';
      readonly protocol: 'imap' | 'pop3' | 'submission';
      readonly user: string;
      readonly machine: Machine;
    };

/** Recipients by what their server does with them: see `relayReply` in run-plan. */
export const refusedPrefix = 'nosuch';
export const greylistedPrefix = 'grey';

const domains = ['example.org', 'example.com', 'uni.example'] as const;

/** About a thousand messages and five hundred sessions, in a seeded order. */
export function makePlan(seed: number): Action[] {
  const random = new Random(seed);
  return random.shuffle([
    ...alicesActions(random),
    ...submissions(random),
    ...inbound(random),
    ...rejected(random),
    ...sessions(random),
    ...failedLogins(random),
  ]);
}

/** Alice sends 30 messages, one of which comes back, and is sent 25, directly or by another name. */
function alicesActions(random: Random): Action[] {
  const { home, mobile } = machinesOf(alice);
  const send = (to: readonly string[]): Action => ({
    kind: 'submit',
    from: alice,
    machine: random.next() < 0.7 ? home : mobile,
    to,
  });
  const receive = (to: readonly string[]): Action => ({
    kind: 'inbound',
    ...pickSender(random),
    to,
  });
  const colleagues = random.sample(others, 8);
  return [
    ...range(12).map(() => send([random.pick(others)])),
    ...range(8).map(() => send([...random.sample(others, random.int(2, 4)), 'adam@example.org'])),
    ...range(6).map(() =>
      send([random.pick(['irene@example.com', 'adam@example.org', 'registry@uni.example'])]),
    ),
    send([`${greylistedPrefix}-alice@example.org`]),
    send([`${refusedPrefix}-alice@example.org`, 'bob@example.nl']),
    send(['sales@example.nl']),
    { kind: 'submit', from: alice, machine: home, to: ['jürgen@example.org'], utf8: true },
    ...range(12).map(() => receive([alice])),
    ...range(2).map(() => receive(['alice+orders@example.nl'])),
    ...range(3).map(() => receive(['info@example.nl'])),
    ...colleagues.map(
      (from): Action => ({
        kind: 'submit',
        from,
        machine: machinesOf(from).home,
        to: [alice, random.pick(others.filter((other) => other !== from))],
      }),
    ),
    ...range(9).map((i): Action => session(random, alice, 'imap', i % 3 === 0 ? mobile : home)),
    ...range(3).map((): Action => session(random, alice, 'pop3', home)),
    session(random, alice, 'managesieve', home),
    { kind: 'failedLogin', protocol: 'imap', user: alice, machine: { ip: '203.0.113.66' } },
    { kind: 'failedLogin', protocol: 'pop3', user: alice, machine: { ip: '203.0.113.66' } },
    { kind: 'failedLogin', protocol: 'submission', user: alice, machine: { ip: '203.0.113.67' } },
  ];
}

function submissions(random: Random): Action[] {
  const actions: Action[] = [];
  for (const i of range(380)) {
    const from = random.pick(others);
    const { home, mobile } = machinesOf(from);
    const outside = (prefix: string): string => `${prefix}@${random.pick(domains)}`;
    const to: string[] = random.sample(
      others.filter((other) => other !== from),
      random.next() < 0.7 ? 1 : random.int(2, 5),
    );
    if (random.next() < 0.35) to.push(random.pick(outsideSenders.filter(isRelayed)).address);
    if (i < 18) to.push(outside(`${greylistedPrefix}-${i}`));
    else if (i < 36) to.push(outside(`${refusedPrefix}-${i}`));
    else if (i < 38) to.push(`friend-${i}@down.example`);
    else if (i < 50)
      to.push(random.pick(['support@example.net', 'postmaster@example.nl', 'sales@example.nl']));
    actions.push({ kind: 'submit', from, machine: random.next() < 0.75 ? home : mobile, to: unique(to) });
  }
  return actions;
}

function inbound(random: Random): Action[] {
  return range(520).map((i) => {
    const to = random.sample(others, random.next() < 0.8 ? 1 : random.int(2, 6));
    const [first] = to;
    if (i % 12 === 0 && first !== undefined) to[0] = first.replace('@', '+lists@');
    if (i % 25 === 0) to.splice(0, to.length, random.pick(['sales@example.nl', 'support@example.net']));
    const refused = i % 40 === 0 ? [`gone-${i}@example.nl`] : [];
    return { kind: 'inbound', ...pickSender(random), to, refused };
  });
}

/** Unknown users and attempts to relay: nothing of these is accepted. */
function rejected(random: Random): Action[] {
  return range(55).map((i) => ({
    kind: 'inbound',
    from: random.pick(['offer@bulk.example', 'win@prize.example', '']),
    machine: random.pick(spammers),
    to: [],
    refused: [
      i < 40
        ? `${random.pick(['admin', 'test', 'sale', 'root'])}${i}@example.nl`
        : `victim${i}@elsewhere.example`,
    ],
  }));
}

function sessions(random: Random): Action[] {
  return range(430).map((i) => {
    const user = random.pick(others);
    const { home, mobile } = machinesOf(user);
    const protocol = i % 40 === 0 ? 'managesieve' : i % 4 === 0 ? 'pop3' : 'imap';
    return session(random, user, protocol, random.next() < 0.6 ? home : mobile);
  });
}

function failedLogins(random: Random): Action[] {
  return range(28).map((i) => ({
    kind: 'failedLogin',
    protocol: (['imap', 'pop3', 'submission'] as const)[i % 3] ?? 'imap',
    user: i % 5 === 0 ? `guess${i}@example.nl` : random.pick(others),
    machine: random.pick(spammers),
  }));
}

function session(
  random: Random,
  user: string,
  protocol: 'imap' | 'pop3' | 'managesieve',
  machine: Machine,
): Action {
  const tls = protocol !== 'managesieve' && random.next() < 0.9;
  return {
    kind: 'session',
    protocol,
    user,
    machine,
    tls,
    fetch: random.int(0, 4),
    holdMs: random.int(0, 900),
  };
}

function pickSender(random: Random): { from: string; machine: Machine } {
  const sender = random.pick(outsideSenders);
  return { from: sender.address, machine: sender.machine };
}

const isRelayed = (sender: { address: string }): boolean =>
  domains.some((domain) => sender.address.endsWith(`@${domain}`));
const range = (length: number): number[] => Array.from({ length }, (_, i) => i);
const unique = (items: readonly string[]): string[] => [...new Set(items)];

/** Every account that may log in. */
export const accounts = [alice, ...others].map((address) => ({ address, password: passwordOf(address) }));

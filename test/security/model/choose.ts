import type { Role } from '#shared/control';
import { type Act, mayDo, type Order, type OrderVersion } from './acts.ts';
import type { Law } from './law.ts';

/** A random number below a bound, the next of a command's own. */
export type Dice = (below: number) => number;

const hour = 3_600_000;
/** Longer than a history. */
const always = { after: 0, hours: 365 * 24 };

/**
 * The people of every history beside the two administrators: each with a credential that they begin with, how
 * many milliseconds after the beginning it is valid, and for how many hours.
 */
export const cast = [
  { person: 'anna', role: 'registrar', name: 'k0', ...always },
  { person: 'anna', role: 'reviewer', name: 'k1', ...always },
  { person: 'boris', role: 'reviewer', name: 'k2', ...always },
  { person: 'boris', role: 'registrar', name: 'k3', ...always },
  { person: 'carla', role: 'officer', name: 'k4', ...always },
  { person: 'dirk', role: 'officer', name: 'k5', after: hour, hours: 24 },
  { person: 'fred', role: 'reviewer', name: 'k6', ...always },
] as const satisfies readonly { person: string; role: Role; name: string; after: number; hours: number }[];
export const administrators = ['a0', 'a1'] as const;
export const keyNames: readonly string[] = [
  ...administrators,
  ...Array.from({ length: 24 }, (_, i) => `k${i}`),
];
const people = ['anna', 'boris', 'carla', 'dirk', 'emma', 'a0'];
const roles: readonly Role[] = ['registrar', 'reviewer', 'officer', 'administrator'];

/** How long rights and orders last: their ends are met by the moves of the clock. */
const spans = [400 * 24 * hour, 400 * 24 * hour, hour, 24 * hour];

const one = <T>(list: readonly T[], dice: Dice): T | undefined => list[dice(Math.max(list.length, 1))];

/** Acts that take another person than those who wrote the order. */
const isDecision: ReadonlySet<Act['do']> = new Set<Act['do']>(['approve', 'reject', 'resume']);

/** Orders that an act is mostly about: those of which it changes something, or stops a release. */
function isApt(what: Act['do'], law: Law, name: string, order: Order): boolean {
  const isUndecided = law.isOpen(order) && !order.approved && !order.suspended;
  switch (what) {
    case 'request':
      return law.isReleasable({ order: name, version: order.version });
    case 'approve':
    case 'reject':
      return isUndecided;
    case 'resume':
      return law.isOpen(order) && order.suspended;
    case 'amend':
    case 'suspend':
    case 'withdraw':
      return [...law.requests.values()].some((asked) => asked.order === name && asked.state === 'waiting');
    default:
      return false;
  }
}

function isActive(law: Law, name: string): boolean {
  const credential = law.credentials.get(name);
  return credential !== undefined && law.isActive(credential);
}

/**
 * Chooses an act of one sort that is mostly likely to be allowed, and now and then is anything at all.
 * @param serial of which new orders and requests have their names
 */
export function chooseAct(what: Act['do'], law: Law, dice: Dice, serial: number): Act | null {
  const { credentials, orders, requests } = law;
  const at = law.at();
  const role = one(dice(6) === 0 ? roles : (mayDo[what] ?? []), dice);
  const names = [...credentials.keys()];
  const good = [...orders].filter(([name, order]) => isApt(what, law, name, order)).map(([name]) => name);
  const newest = [...orders.keys()].at(-1);
  const apt = dice(4) > 0 ? one(good, dice) : undefined;
  const order = apt ?? (dice(3) === 0 ? one([...orders.keys()], dice) : newest) ?? 'none';
  const right = names.filter((name) => role === undefined || credentials.get(name)?.role === role);
  const active = right.filter((name) => isActive(law, name));
  const authors = isDecision.has(what) && dice(3) > 0 ? (orders.get(order)?.authors ?? []) : [];
  const likely = active.filter((name) => !authors.includes(credentials.get(name)?.person ?? ''));
  const by = one(dice(16) === 0 ? keyNames : dice(4) === 0 || likely.length === 0 ? right : likely, dice);
  if (by === undefined) return null;
  const offsets = [-121_000, -120_000, 60_000, 61_000];
  const signedAt = law.clock + (dice(12) === 0 ? (offsets[dice(4)] ?? 0) : 0);
  const signed = { by, signedAt };
  const unused = keyNames.find((name) => !credentials.has(name));
  const version = (orders.get(order)?.version ?? 1) + ([1, -1][dice(16)] ?? 0);
  const named: OrderVersion = { order, version: Math.max(version, 1) };
  const until = at + (spans[dice(spans.length)] ?? 0);
  switch (what) {
    case 'enrol': {
      const from = at + (dice(4) === 0 ? hour : 0);
      const whom = dice(6) === 0 ? one(names, dice) : unused;
      const like = dice(2) === 0 ? credentials.get(one(names, dice) ?? '') : undefined;
      const person = like?.person ?? one(people, dice) ?? '';
      const rights = { person, role: like?.role ?? one(roles, dice) ?? 'officer', from };
      return whom === undefined ? null : { ...signed, do: what, whom, ...rights, until: until + hour };
    }
    case 'confirm': {
      const waiting = names.filter((name) => credentials.get(name)?.waitsFor !== null);
      const whom = one(dice(6) === 0 ? names : waiting, dice);
      return whom === undefined ? null : { ...signed, do: what, whom };
    }
    case 'revoke': {
      const among = dice(2) === 0 && active.length > 0 ? active : names;
      return { ...signed, do: what, whom: one(among, dice) ?? by };
    }
    case 'rotate': {
      const whom = dice(6) === 0 ? one(names, dice) : unused;
      return whom === undefined ? null : { ...signed, do: what, whom };
    }
    case 'record': {
      const kind = (['plain', 'plain', 'plain', 'notified', 'preserve'] as const)[dice(5)] ?? 'plain';
      return { ...signed, do: what, order: `order-${serial}`, kind, received: at, until };
    }
    case 'amend':
      return { ...signed, do: what, ...named, until };
    case 'approve':
    case 'reject':
    case 'resume':
      return { ...signed, do: what, ...named };
    case 'suspend':
    case 'withdraw':
      return { ...signed, do: what, order };
    case 'request':
      return { ...signed, do: what, request: `request-${serial}`, wider: dice(8) === 0, ...named };
    case 'cancel':
    case 'collect': {
      // A package is on the server for thirty days; its end is another promise's.
      const known = [...requests].filter(([, asked]) => at - asked.at < 29 * 24 * hour);
      const open = known.filter(([, { state }]) => state === (what === 'cancel' ? 'waiting' : 'released'));
      const [request, asked] = one(open.length > 0 && dice(4) > 0 ? open : known, dice) ?? [];
      if (request === undefined) return null;
      const own = active.find((name) => credentials.get(name)?.person === asked?.person);
      return { ...signed, by: dice(4) > 0 && own !== undefined ? own : by, do: what, request };
    }
  }
}

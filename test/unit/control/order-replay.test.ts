import { describe, expect, it } from 'vitest';
import {
  type AnyControlEntry,
  asControlEntry,
  ControlError,
  type ControlState,
  emptyState,
  foldEntry,
  orderStatus,
  type RecordedRequest,
  type Role,
  rederive,
  signedRoutes,
} from '#shared/control';
import { shippedRegimes } from '#shared/regimes';

/* Entries about orders that somebody with the ledger's key wrote, and the rules would not have. */

const at = '2096-11-20T09:00:00.000Z';
const orderId = '01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e';
const service = { service: 'disclosure' } as const;
const thumb = (letter: string): string => letter.repeat(43);
type OrderEntry = Extract<AnyControlEntry, { kind: `order.${string}` }>;
type Details<K extends OrderEntry['kind']> = Extract<OrderEntry, { kind: K }>['details'];

function enrolled(letter: string, personId: string, role: Role): AnyControlEntry {
  return {
    kind: 'credential.enrolled',
    at,
    actor: role === 'administrator' ? service : { credential: thumb('z'), role: 'administrator' },
    subject: thumb(letter),
    details: {
      credentialId: `c-${personId}`,
      personId,
      role,
      algorithm: 'ES256',
      publicKey: {},
      thumbprint: thumb(letter),
      notBefore: at,
      notAfter: '2097-11-20T09:00:00.000Z',
    },
  };
}
const people = [
  enrolled('z', 'admin', 'administrator'),
  enrolled('a', 'one', 'registrar'),
  enrolled('b', 'one', 'reviewer'),
  enrolled('c', 'two', 'reviewer'),
  enrolled('d', 'three', 'registrar'),
];

const version: Details<'order.recorded'> = {
  version: 1,
  regime: 'EU_EPOC',
  regimeVersion: shippedRegimes().get('EU_EPOC')?.version ?? '',
  type: 'produce',
  issuingState: 'DE',
  emergency: false,
  categories: ['sender'],
  targetCount: 1,
  receivedAt: at,
  validUntil: '2096-12-31T00:00:00.000Z',
  schedule: {
    deadline: { at: '2096-11-30T09:00:00.000Z', alarmAt: '2096-11-28T09:00:00.000Z' },
    notification: { waitUntil: '2096-11-30T09:00:00.000Z', objectUntil: '2096-11-30T09:00:00.000Z' },
    followUps: [{ id: 'epoc.something', by: '2096-11-23T09:00:00.000Z' }],
  },
};
const commitments = Object.fromEntries(
  ['order', 'document', 'request'].map((name) => [name, 'a'.repeat(64)]),
);

function entry<K extends OrderEntry['kind']>(
  kind: K,
  details: Details<K>,
  by: string | null = null,
  time = at,
): AnyControlEntry {
  const role: Role = by === 'a' || by === 'd' ? 'registrar' : 'reviewer';
  const actor = by === null ? service : { credential: thumb(by), role };
  return { kind, at: time, actor, subject: orderId, commitments, details } as AnyControlEntry;
}
const recorded = entry('order.recorded', version, 'a');
const amended = entry('order.amended', { ...version, version: 2 }, 'd');
const approved = entry('order.approved', { version: 1 }, 'c');
const suspended = entry('order.suspended', { reason: 'other' }, 'a');
const revoked = entry('order.revoked', { reason: 'withdrawn' }, 'a');
const asked = entry(
  'order.clarification_asked',
  { version: 1, grounds: ['epoc.incomplete'], stopsClock: true },
  'a',
);

function folded(...entries: AnyControlEntry[]): ControlState {
  const state = emptyState();
  for (const one of [...people, ...entries]) foldEntry(state, one);
  return state;
}
function outcome(before: AnyControlEntry[], last: AnyControlEntry, regimes = shippedRegimes()): string {
  const state = folded(...before);
  const credential = 'credential' in last.actor ? state.credentials.get(last.actor.credential) : undefined;
  const route = signedRoutes.find(({ kind }) => kind === last.kind);
  const request = credential &&
    route && {
      credential,
      route,
      routeKnown: true,
      params: { orderId },
      body: 'as_signed',
      jws: {},
      claims: { jti: 'a'.repeat(22), iat: Date.parse(last.at) / 1000 },
    };
  const result = rederive(state, last, (request ?? null) as RecordedRequest | null, regimes);
  return result.outcome === 'follows'
    ? 'follows'
    : result.outcome === 'unknowable'
      ? result.why
      : result.fault;
}

describe('the state of an order follows from its entries', () => {
  const statusOf = (...entries: AnyControlEntry[]): string => {
    const order = folded(...entries).orders.get(orderId);
    return order ? orderStatus(order, at) : 'none';
  };
  it.each([
    ['AwaitingApproval', [recorded]],
    ['Approved', [recorded, approved]],
    ['AwaitingApproval', [recorded, approved, amended]],
    ['Suspended', [recorded, approved, suspended]],
    ['Suspended', [recorded, approved, suspended, amended]],
    ['Approved', [recorded, approved, suspended, entry('order.resumed', { version: 1 }, 'c')]],
    ['Cancelled', [recorded, suspended, revoked]],
    ['Invalid', [recorded, entry('order.revoked', { reason: 'annulled' }, 'c')]],
  ])('%s', (status, entries) => expect(statusOf(...entries)).toBe(status));

  it.each<[string, AnyControlEntry[]]>([
    ['an amendment of nothing', [amended]],
    ['a version left out', [recorded, entry('order.amended', { ...version, version: 3 }, 'a')]],
    ['an approval of a version that was replaced', [recorded, amended, approved]],
    [
      'an approval by an author of the version before',
      [recorded, amended, entry('order.approved', { version: 2 }, 'b')],
    ],
    ['an amendment by a reviewer', [recorded, entry('order.amended', { ...version, version: 2 }, 'c')]],
    ['a suspension of what is suspended', [recorded, suspended, suspended]],
    ['a resumption of what is not', [recorded, entry('order.resumed', { version: 1 }, 'c')]],
    ['a resumption by an author', [recorded, suspended, entry('order.resumed', { version: 1 }, 'b')]],
    ['a resumption by a registrar', [recorded, suspended, entry('order.resumed', { version: 1 }, 'a')]],
    ['anything after the end', [recorded, revoked, suspended]],
    ['two questions at once', [recorded, asked, asked]],
    ['an answer to no question', [recorded, entry('order.clarification_answered', { receivedAt: at }, 'a')]],
    [
      'the same alarm twice',
      Array<AnyControlEntry>(2)
        .fill(entry('order.deadline_alarm', { version: 1, stage: 'soon', dueAt: at }))
        .toSpliced(0, 0, recorded),
    ],
    [
      'an alarm by a person',
      [recorded, entry('order.deadline_alarm', { version: 1, stage: 'soon', dueAt: at }, 'c')],
    ],
    [
      'an estimate for nobody',
      [recorded, entry('order.estimated', { version: 1, shownTo: thumb('q'), counts: {}, total: 0 })],
    ],
  ])('refuses %s', (_name, entries) => {
    expect(() => folded(...entries)).toThrow(ControlError);
  });

  it('reads what an earlier version wrote: without schedule, broad targets and signature', () => {
    const { schedule: _, ...old } = version;
    const read = asControlEntry(0, { ...recorded, details: old });
    expect(folded(read, approved).orders.get(orderId)?.details).toEqual(old);
  });
});

describe('a decision that does not follow is found', () => {
  const later = '2096-11-30T09:00:00.001Z';
  it.each<[string, AnyControlEntry[], AnyControlEntry, string]>([
    [
      'an amendment of another receipt',
      [recorded],
      entry('order.amended', { ...version, version: 2, receivedAt: '2096-11-20T09:00:00.001Z' }, 'a'),
      'order.amendment',
    ],
    ['an approval while a question is open', [recorded, asked], approved, 'order.clarification_awaited'],
    [
      'a clock stopped by a ground that stops none',
      [recorded],
      entry(
        'order.clarification_asked',
        { version: 1, grounds: ['epoc.press_freedom'], stopsClock: true },
        'a',
      ),
      'order.ground',
    ],
    [
      'an answer before the question',
      [recorded, asked],
      entry('order.clarification_answered', { receivedAt: '2096-11-20T08:59:59.999Z' }, 'a', later),
      'order.answer_time',
    ],
    [
      'no objection, by an author',
      [recorded],
      entry('order.notification_answered', { version: 1, answer: 'no_objection', receivedAt: at }, 'b'),
      'order.own_registration',
    ],
    [
      'an objection after its time',
      [recorded],
      entry(
        'order.notification_answered',
        { version: 1, answer: 'objection', grounds: ['epoc.objection_immunity'], receivedAt: later },
        'a',
        later,
      ),
      'order.objection_late',
    ],
    [
      'an objection without a ground',
      [recorded],
      entry('order.notification_answered', { version: 1, answer: 'objection', receivedAt: at }, 'a'),
      'order.ground',
    ],
    [
      'a rejection by a ground of another regime',
      [recorded],
      entry('order.rejected', { version: 1, reason: 'other', grounds: ['nl.unclear'] }, 'c'),
      'order.ground',
    ],
    [
      'a follow-up that is none',
      [recorded],
      entry('order.followed_up', { version: 1, followUp: 'nl.order_in_writing' }, 'a'),
      'order.no_follow_up',
    ],
    [
      'an alarm before its time',
      [recorded],
      entry(
        'order.deadline_alarm',
        { version: 1, stage: 'soon', dueAt: '2096-11-30T09:00:00.000Z' },
        null,
        '2096-11-28T08:59:59.999Z',
      ),
      'raises an alarm that was not due',
    ],
    [
      'an alarm with another due time',
      [recorded],
      entry('order.deadline_alarm', { version: 1, stage: 'missed', dueAt: at }, null, later),
      'raises an alarm that was not due',
    ],
    [
      'an expiry before its time',
      [recorded],
      entry(
        'order.expired',
        { version: 1, validUntil: '2096-12-31T00:00:00.000Z' },
        null,
        '2096-12-31T00:00:00.000Z',
      ),
      'says that an order had expired which had not',
    ],
    [
      'an approval of a domain without its counts',
      [{ ...recorded, details: { ...version, broadTargetCount: 1 } } as AnyControlEntry],
      approved,
      'order.estimate_missing',
    ],
  ])('%s', (_name, before, last, fault) => {
    expect(outcome(before, last)).toContain(fault);
  });

  it.each<[string, AnyControlEntry[], AnyControlEntry]>([
    [
      'an alarm in its time',
      [recorded],
      entry(
        'order.deadline_alarm',
        { version: 1, stage: 'soon', dueAt: '2096-11-30T09:00:00.000Z' },
        null,
        '2096-11-28T09:00:00.000Z',
      ),
    ],
    [
      'a follow-up that did not come',
      [recorded],
      entry(
        'order.deadline_alarm',
        {
          version: 1,
          stage: 'follow_up_missed',
          dueAt: '2096-11-23T09:00:00.000Z',
          followUp: 'epoc.something',
        },
        null,
        '2096-11-23T09:00:00.001Z',
      ),
    ],
    [
      'an objection in its last millisecond',
      [recorded],
      entry(
        'order.notification_answered',
        {
          version: 1,
          answer: 'objection',
          grounds: ['epoc.objection_immunity'],
          receivedAt: '2096-11-30T09:00:00.000Z',
        },
        'a',
        later,
      ),
    ],
    ['a question', [recorded], asked],
  ])('and what follows is not: %s', (_name, before, last) => {
    expect(outcome(before, last)).toBe('follows');
  });

  it('grounds of a regime that is not known here, or in another version, are a gap', () => {
    expect(outcome([recorded], asked, new Map())).toBe('unknown_rule');
    const old = { ...recorded, details: { ...version, regimeVersion: '2020-01-01' } } as AnyControlEntry;
    expect(outcome([old], asked)).toBe('unknown_rule');
  });
});

import { beforeEach, describe, expect, it } from 'vitest';
import {
  type AnyControlEntry,
  type ControlState,
  emptyState,
  foldEntry,
  type PatternAlarm,
  type PatternThresholds,
  type Role,
  withAlarms,
} from '#shared/control';

const start = '2096-11-19T00:00:00.000Z';
const service = { service: 'disclosure' } as const;
const thumb = (letter: string): string => letter.repeat(43);
const id = (n: number): string => `01939f3a-7b1c-7000-8000-${String(n).padStart(12, '0')}`;

/** Letters of the credentials, and who has them. */
const people: readonly (readonly [letter: string, person: string, role: Role])[] = [
  ['z', 'admin', 'administrator'],
  ['a', 'anna', 'registrar'],
  ['b', 'boris', 'reviewer'],
  ['c', 'carla', 'officer'],
];

const thresholds: PatternThresholds = {
  refusalsOfCredential: 3,
  refusals: 5,
  anonymousRefusals: 100,
  ordersOfPair: 2,
  requestsOfPair: 2,
  packagesNotFetched: 2,
  unusedDays: 90,
  workingHours: { zone: 'Europe/Amsterdam', from: '07:00', to: '19:00', days: [1, 2, 3, 4, 5] },
};

const configured = (
  kind: 'ledger.started' | 'configuration.changed',
  patterns?: PatternThresholds,
): AnyControlEntry => ({
  kind,
  at: start,
  actor: service,
  details: {
    ...{ software: '0', audience: 'https://griffie.example.nl', retentionPeriod: 'P6M', manifestKey: {} },
    ...(patterns ? { patterns } : {}),
  },
});

function enrolled([letter, personId, role]: (typeof people)[number]): AnyControlEntry {
  return {
    kind: 'credential.enrolled',
    at: start,
    actor: letter === 'z' ? service : { credential: thumb('z'), role: 'administrator' },
    subject: thumb(letter),
    details: {
      ...{ credentialId: `c-${personId}`, personId, role, algorithm: 'ES256', publicKey: {} },
      ...{ thumbprint: thumb(letter), notBefore: start, notAfter: '2099-01-01T00:00:00.000Z' },
    },
  };
}

let jti = 0;
/** The form of a signed request, which is all that the fold reads. */
function evidenceOf(kid: string, at: string): string {
  const claims = {
    ...{ iss: 'credential', aud: 'https://griffie.example.nl', htm: 'GET', bdh: 'A'.repeat(43) },
    ...{ htu: 'https://griffie.example.nl/v1/orders', iat: Math.floor(Date.parse(at) / 1000) },
    jti: String(++jti).padStart(22, '0'),
  };
  const parts = [{ typ: 'griffie-proof+jwt', alg: 'ES256', kid }, claims];
  return [...parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')), 'AAAA'].join('.');
}

function by(letter: string, at: string) {
  const role = people.find(([known]) => known === letter)?.[2] ?? 'officer';
  return { at, actor: { credential: thumb(letter), role }, evidence: evidenceOf(thumb(letter), at) };
}
const refused = (letter: string, at: string): AnyControlEntry => ({
  ...by(letter, at),
  kind: 'access.refused',
  details: { code: 'access.role', route: 'GET /v1/orders' },
});
const read = (letter: string, at: string): AnyControlEntry => ({
  ...by(letter, at),
  kind: 'access.granted',
  details: { route: 'GET /v1/orders' },
});
const recorded = (n: number, at: string): AnyControlEntry => ({
  ...by('a', at),
  kind: 'order.recorded',
  subject: id(n),
  commitments: {},
  details: {
    ...{ version: 1, regime: 'NL_DOMESTIC', regimeVersion: '1', type: 'produce', issuingState: 'NL' },
    ...{ emergency: false, categories: ['sender'], targetCount: 1, receivedAt: at },
    validUntil: '2098-01-01T00:00:00.000Z',
  },
});
const approved = (n: number, at: string): AnyControlEntry => ({
  ...by('b', at),
  kind: 'order.approved',
  subject: id(n),
  details: { version: 1 },
});
const requested = (n: number, order: number, at: string): AnyControlEntry => ({
  ...by('c', at),
  kind: 'disclosure.requested',
  subject: id(n),
  commitments: {},
  details: { orderId: id(order), orderVersion: 1 },
});

describe('alarms on patterns', () => {
  let state: ControlState;
  beforeEach(() => {
    state = emptyState();
    const before = [configured('ledger.started'), ...people.map(enrolled)];
    for (const entry of [...before, configured('configuration.changed', thresholds)]) foldEntry(state, entry);
  });

  /** Folds entries as steps of one each. @returns the alarms that came with them */
  function step(...entries: AnyControlEntry[]): PatternAlarm[] {
    return entries.flatMap((one) =>
      withAlarms(state, [one], one.at).flatMap(({ entry, isAlarm }): PatternAlarm[] => {
        foldEntry(state, entry);
        return isAlarm && entry.kind === 'pattern.alarm' ? [entry.details] : [];
      }),
    );
  }

  it('refusals of one credential: once a day, with the one that reaches the threshold', () => {
    const monday = '2096-11-19T10:00:00.000Z';
    expect(step(refused('c', monday), refused('a', monday), refused('c', monday))).toEqual([]);
    const alarm = { pattern: 'refusals_of_credential', thumbprint: thumb('c'), period: '2096-11-19' };
    expect(step(refused('c', monday))).toEqual([{ ...alarm, count: 3, threshold: 3 }]);
    expect(state.alarmsDue).toEqual([]);
    expect(step(refused('c', monday)).map(({ pattern }) => pattern)).toEqual(['refusals']);
    const tuesday = '2096-11-20T00:00:00.000Z';
    expect(step(refused('c', tuesday), refused('c', tuesday))).toEqual([]);
    expect(step(refused('c', tuesday))).toEqual([{ ...alarm, period: '2096-11-20', count: 3, threshold: 3 }]);
  });

  it('refusals that nobody can be held to: by their counts', () => {
    const noise = (count: number): AnyControlEntry => ({
      kind: 'access.noise',
      at: start,
      actor: service,
      details: { from: start, to: start, counts: [{ code: 'proof.signature', count }] },
    });
    expect(step(noise(60), noise(39))).toEqual([]);
    expect(step(noise(7))).toMatchObject([{ pattern: 'anonymous_refusals', count: 106 }]);
  });

  it.each([
    ['2096-11-19T06:00:00.000Z', false],
    ['2096-11-19T05:59:59.999Z', true],
    ['2096-11-19T17:59:59.999Z', false],
    ['2096-11-19T18:00:00.000Z', true],
    // In summer an hour earlier, and on Saturday all day.
    ['2097-06-21T16:59:59.999Z', false],
    ['2097-06-21T17:00:00.000Z', true],
    ['2097-06-22T10:00:00.000Z', true],
  ])('working hours of the place: at %s an alarm is %s', (at, isTold) => {
    const odd = step(recorded(1, at)).filter(({ pattern }) => pattern === 'odd_hours');
    expect(odd.map(({ thumbprint }) => thumbprint)).toEqual(isTold ? [thumb('a')] : []);
    expect(step(recorded(2, at))).toEqual([]);
  });

  it('who only reads at night is not told of', () => {
    expect(step(read('c', '2096-11-19T23:30:00.000Z'))).toEqual([]);
  });

  it('a night belongs to the day of the place', () => {
    expect(step(recorded(1, '2096-11-19T23:30:00.000Z'))).toMatchObject([
      { pattern: 'odd_hours', period: '2096-11-20' },
    ]);
  });

  it('pairs, by month and by who did what', () => {
    const at = '2096-11-20T10:00:00.000Z';
    expect(step(recorded(1, at), recorded(2, at), recorded(3, at), approved(1, at))).toEqual([]);
    const pair = { pattern: 'orders_of_pair', persons: ['anna', 'boris'], period: '2096-11' };
    expect(step(approved(2, at))).toEqual([{ ...pair, count: 2, threshold: 2 }]);
    expect(step(approved(3, at))).toEqual([]);
    expect(step(requested(4, 1, at), requested(5, 2, at))).toMatchObject([
      { pattern: 'requests_of_pair', persons: ['anna', 'carla'], count: 2 },
    ]);
  });

  it('packages that nobody fetched', () => {
    const at = '2096-11-20T10:00:00.000Z';
    const removed = (n: number): AnyControlEntry[] => [
      {
        ...{ kind: 'disclosure.released', at, actor: service, subject: id(n) },
        details: {
          ...{ orderId: id(1), packageId: id(n), records: 1, parts: 1, bytes: 1 },
          ...{ completeness: 'complete', manifestSha256: 'a'.repeat(64) },
        },
      },
      ...(n === 3
        ? [{ ...by('c', at), kind: 'disclosure.collected' as const, subject: id(n), details: { bytes: 1 } }]
        : []),
      { kind: 'retention.package_removed', at, actor: service, subject: id(n), details: { bytes: 1 } },
    ];
    step(recorded(1, at), approved(1, at), ...[2, 3, 4].map((n) => requested(n, 1, at)));
    expect(step(...removed(2), ...removed(3))).toEqual([]);
    expect(step(...removed(4))).toMatchObject([
      { pattern: 'packages_not_fetched', persons: ['carla'], count: 2 },
    ]);
  });

  it('a credential that was not used for long, at its next use and not at the one after', () => {
    expect(step(read('c', '2096-11-20T10:00:00.000Z'))).toEqual([]);
    expect(step(read('c', '2097-02-18T09:59:59.999Z'))).toEqual([]);
    expect(step(read('c', '2097-05-19T09:59:59.999Z'))).toMatchObject([
      { pattern: 'long_unused', thumbprint: thumb('c'), count: 90 },
    ]);
    expect(step(read('c', '2097-05-19T10:00:00.000Z'))).toEqual([]);
    // Also one that was enrolled long ago and never used.
    expect(step(read('a', '2097-05-19T10:00:00.000Z'))).toMatchObject([{ pattern: 'long_unused' }]);
  });

  it('what an append that was cut off left due comes before the next entry', () => {
    for (let i = 0; i < 3; i++) foldEntry(state, refused('c', start));
    expect(state.alarmsDue).toHaveLength(1);
    const [first, second] = withAlarms(state, [read('a', start)], start);
    expect([first?.entry.kind, second?.entry.kind]).toEqual(['pattern.alarm', 'access.granted']);
  });

  it('several entries of one step count one after another', () => {
    const step = withAlarms(state, [refused('c', start), refused('c', start), refused('c', start)], start);
    expect(step.map(({ entry }) => entry.kind)).toEqual([
      ...['access.refused', 'access.refused', 'access.refused', 'pattern.alarm'],
    ]);
  });

  it('a ledger whose configuration names no thresholds has none', () => {
    const old = emptyState();
    for (const entry of [configured('ledger.started'), ...people.map(enrolled)]) foldEntry(old, entry);
    for (let i = 0; i < 200; i++) foldEntry(old, refused('c', start));
    expect([old.alarmsDue, old.patternTallies.size]).toEqual([[], 0]);
  });
});

import fc from 'fast-check';
import { type AnyControlEntry, ControlError, emptyState, foldEntry, type Role } from '#shared/control';
import { utc } from '#shared/runtime';

/** One attempt: what is done, by whom, about which, after how long. Any numbers will do. */
export type Attempt = readonly [what: number, who: number, which: number, waitMs: number];

/** Any attempts, of which most histories are long. */
export const attempts: fc.Arbitrary<Attempt[]> = fc.array(
  fc.tuple(fc.nat(15), fc.nat(9), fc.nat(1_000), fc.integer({ min: 0, max: 90_000 })),
  { maxLength: 200, size: 'max' },
) as fc.Arbitrary<Attempt[]>;

/** When the histories begin. */
const start = Date.parse('2026-11-20T09:00:00.000Z');
const people: readonly Role[] = [
  'administrator',
  'registrar',
  'reviewer',
  'reviewer',
  'officer',
  'auditor',
  'retention',
];

/**
 * What attempts lead to under the rules of the fold: each is put as an entry, and those that could not have
 * been written are left out. The same attempts give the same entries, to the byte.
 */
export function historyOf(attempts: readonly Attempt[]): AnyControlEntry[] {
  const state = emptyState();
  const entries: AnyControlEntry[] = [];
  let now = start;
  let made = 0;
  const id = (n: number): string => `01939f3a-7b1c-7000-8000-${n.toString(16).padStart(12, '0')}`;
  const thumbprint = (n: number): string => String(n).padStart(43, 'k');
  const offer = (entry: object): void => {
    const candidate = { at: utc(now), ...entry } as AnyControlEntry;
    try {
      foldEntry(state, candidate);
      entries.push(candidate);
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
    }
  };
  const service = { actor: { service: 'disclosure' } };
  offer({ ...service, kind: 'ledger.started', details: configurationOf('0') });
  people.forEach((role, n) => {
    const actor = n === 0 ? service : by(thumbprint(0), 'administrator', now, `enrol-${n}`);
    offer({
      ...actor,
      kind: 'credential.enrolled',
      subject: thumbprint(n),
      details: credentialOf(thumbprint(n), n, role, now),
    });
  });
  for (const [what, who, which, waitMs] of attempts) {
    now += waitMs;
    made += 1;
    /** Mostly somebody with the role; the second reviewer, or anybody, now and then. */
    const as = (role: Role): object => {
      const n = who % 4 === 0 ? which % (people.length + 1) : people.indexOf(role);
      return by(thumbprint(n), people[n] ?? role, now, `attempt-${made}`);
    };
    const one = (of: ReadonlyMap<string, unknown>): string => [...of.keys()][which % of.size] ?? id(0);
    const [order, disclosure] = [one(state.orders), one(state.disclosures)];
    const candidates: readonly object[] = [
      {
        ...as('registrar'),
        kind: 'order.recorded',
        subject: id(made),
        commitments: commitmentsOf(made),
        details: orderOf(now),
      },
      { ...as('reviewer'), kind: 'order.approved', subject: order, details: { version: 1 } },
      { ...as('reviewer'), kind: 'order.rejected', subject: order, details: { version: 1, reason: 'other' } },
      {
        ...as('officer'),
        kind: 'disclosure.requested',
        subject: id(made),
        commitments: commitmentsOf(made),
        details: { orderId: order, orderVersion: 1 },
      },
      { ...service, kind: 'disclosure.released', subject: disclosure, details: releaseOf(order, which) },
      {
        ...service,
        kind: 'disclosure.failed',
        subject: disclosure,
        details: { orderId: order, code: 'store.away' },
      },
      { ...as('officer'), kind: 'disclosure.collected', subject: disclosure, details: { bytes: which } },
      { ...service, kind: 'retention.package_removed', subject: disclosure, details: { bytes: 1 } },
      { ...as('auditor'), kind: 'access.granted', details: { route: 'GET /v1/orders' } },
      { ...as('auditor'), kind: 'access.refused', details: { code: 'access.role', route: 'GET /v1/orders' } },
      { ...service, kind: 'access.noise', details: { from: utc(now), to: utc(now), counts: [] } },
      { ...service, kind: 'configuration.changed', details: configurationOf(String(which % 3)) },
      {
        ...as('administrator'),
        kind: 'credential.revoked',
        details: { thumbprint: one(state.credentials), reason: 'left' },
      },
      {
        ...as('administrator'),
        kind: 'credential.enrolled',
        subject: thumbprint(100 + made),
        details: credentialOf(thumbprint(100 + made), made, 'officer', now),
      },
      {
        actor: { service: 'retention' },
        kind: 'retention.configured',
        details: {
          version: (state.retention.policy?.version ?? 0) + 1,
          period: 'P6M',
          legalBasis: 'of the country',
        },
      },
      {
        actor: { service: 'retention' },
        kind: 'retention.started',
        subject: id(made),
        details: {
          policyVersion: state.retention.policy?.version ?? 1,
          through: '2026-05-01',
          days: [{ place: 'traffic', day: '2026-05-01', rows: which, bytes: 1 }],
        },
      },
    ];
    offer(candidates[what % candidates.length] ?? {});
  }
  return entries;
}

function by(credential: string, role: Role, now: number, jti: string): object {
  return { actor: { credential, role }, evidence: evidenceOf(credential, now, jti) };
}

/** The form of a signed request; the fold reads the form, and others the signature. */
function evidenceOf(kid: string, now: number, jti: string): string {
  const claims = {
    iss: 'credential',
    aud: 'https://griffie.example.nl',
    htm: 'GET',
    htu: 'https://griffie.example.nl/v1/orders',
    iat: Math.floor(now / 1000),
    jti: jti.padEnd(22, '0'),
    bdh: 'A'.repeat(43),
  };
  const parts = [{ typ: 'griffie-proof+jwt', alg: 'ES256', kid }, claims];
  return [...parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')), 'AAAA'].join('.');
}

function configurationOf(software: string): object {
  return { software, audience: 'https://griffie.example.nl', retentionPeriod: 'P6M', manifestKey: {} };
}

function credentialOf(thumbprint: string, n: number, role: Role, now: number): object {
  return {
    credentialId: `credential-${n}`,
    personId: `person-${n}`,
    role,
    algorithm: 'ES256',
    publicKey: { kty: 'EC' },
    thumbprint,
    notBefore: utc(now),
    notAfter: utc(now + 365 * 86_400_000),
  };
}

function commitmentsOf(n: number): object {
  return { order: n.toString(16).padStart(64, '0') };
}

function orderOf(now: number): object {
  return {
    version: 1,
    regime: 'NL_DOMESTIC',
    regimeVersion: '1',
    type: 'produce',
    issuingState: 'NL',
    emergency: false,
    categories: ['sender'],
    targetCount: 1,
    receivedAt: utc(now),
    validUntil: utc(now + 30 * 86_400_000),
  };
}

function releaseOf(orderId: string, records: number): object {
  return {
    orderId,
    packageId: orderId,
    records,
    parts: 1,
    bytes: 1,
    completeness: records % 2 === 0 ? 'none' : 'complete',
    manifestSha256: 'a'.repeat(64),
  };
}

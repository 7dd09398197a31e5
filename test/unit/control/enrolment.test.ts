import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AnyControlEntry,
  administratorsAt,
  ControlError,
  type ControlState,
  decideAccess,
  decideCeremony,
  decideConfirmation,
  decideCredentialRevocation,
  decideEnrolment,
  decideRotation,
  emptyState,
  foldEntry,
  maxCredentialDays,
  type Role,
  roles,
} from '#shared/control';

const at = '2026-11-20T09:00:00.000Z';
const later = '2026-11-21T09:00:00.000Z';
const end = '2027-11-20T09:00:00.000Z';
const possession = 'a.b.c';
/** A thumbprint by a person and a number, as tests can read it. */
const thumb = (name: string): string => name.padEnd(43, '_');

const draft = (personId: string, role: Role, thumbprint = thumb(personId)) => ({
  credentialId: personId,
  personId,
  role,
  algorithm: 'ES256',
  publicKey: {},
  thumbprint,
  notBefore: at,
  notAfter: end,
  possession,
});
const byAdministrator = (personId: string) =>
  ({ credential: thumb(personId), role: 'administrator' }) as const;
const started: AnyControlEntry = {
  kind: 'ledger.started',
  at,
  actor: { service: 'disclosure' },
  details: { software: '0', audience: 'https://griffie.example.nl', retentionPeriod: 'P6M', manifestKey: {} },
};
const ceremony = (personId: string): AnyControlEntry => ({
  kind: 'credential.enrolled',
  at,
  actor: { service: 'disclosure' },
  subject: thumb(personId),
  details: draft(personId, 'administrator'),
});
const enrolled = (by: string, details: ReturnType<typeof draft>): AnyControlEntry => ({
  kind: 'credential.enrolled',
  at,
  actor: byAdministrator(by),
  subject: details.thumbprint,
  details,
});
const confirmed = (
  by: string,
  personId: string,
  role: Role,
  thumbprint = thumb(personId),
): AnyControlEntry => ({
  kind: 'credential.confirmed',
  at,
  actor: byAdministrator(by),
  subject: thumbprint,
  details: { thumbprint, personId, role },
});
const revoked = (by: string, thumbprint: string): AnyControlEntry => ({
  kind: 'credential.revoked',
  at,
  actor: byAdministrator(by),
  subject: thumbprint,
  details: { thumbprint, reason: 'lost' },
});
const folded = (...entries: readonly AnyControlEntry[]): ControlState =>
  entries.reduce(foldEntry, emptyState());
const two = [started, ceremony('alice'), ceremony('bob')];
const codeOf = (decision: { ok: boolean; code?: string }): string => decision.code ?? 'ok';
const credentialOf = (state: ControlState, personId: string) => {
  const found = state.credentials.get(thumb(personId));
  if (!found) throw new Error('not enrolled');
  return found;
};

describe('an enrolment', () => {
  const proof = { kid: thumb('carol'), jti: 'a'.repeat(22) };
  const one = [...two, enrolled('alice', draft('carol', 'officer'))];

  it('gives no rights until another administrator has confirmed it', () => {
    const unconfirmed = decideAccess(folded(...one), proof, ['officer'], at);
    expect(codeOf(unconfirmed)).toBe('proof.key_unconfirmed');
    const state = folded(...one, confirmed('bob', 'carol', 'officer'));
    expect(codeOf(decideAccess(state, proof, ['officer'], at))).toBe('ok');
    expect(state.credentials.get(thumb('carol'))?.confirmedAt).toBe(at);
  });

  it('cannot be confirmed by the person who made it, with whatever key', () => {
    const second = enrolled('bob', { ...draft('alice', 'administrator', thumb('alice-2')) });
    const state = folded(...one, second, confirmed('alice', 'alice', 'administrator', thumb('alice-2')));
    for (const key of [thumb('alice'), thumb('alice-2')]) {
      const by = state.credentials.get(key);
      expect(by && codeOf(decideConfirmation(state, thumb('carol'), by))).toBe('credential.own_enrolment');
    }
    expect(() => folded(...one, confirmed('alice', 'carol', 'officer'))).toThrow(ControlError);
  });

  it.each<[string, string, Role]>([
    ['person', 'dave', 'officer'],
    ['role', 'carol', 'registrar'],
  ])('is not confirmed for another %s than it is for', (_, personId, role) => {
    const state = folded(...one);
    const decision = decideConfirmation(state, thumb('carol'), credentialOf(state, 'bob'), {
      personId,
      role,
    });
    expect(codeOf(decision)).toBe('credential.confirmation_differs');
    expect(() => folded(...one, confirmed('bob', personId, role, thumb('carol')))).toThrow(ControlError);
  });

  it('is confirmed once, and not after it was revoked', () => {
    const twice = folded(...one, confirmed('bob', 'carol', 'officer'));
    expect(codeOf(decideConfirmation(twice, thumb('carol'), credentialOf(twice, 'bob')))).toBe(
      'credential.confirmed',
    );
    const gone = folded(...one, revoked('alice', thumb('carol')));
    expect(codeOf(decideConfirmation(gone, thumb('carol'), credentialOf(gone, 'bob')))).toBe(
      'credential.revoked',
    );
  });

  it('lasts three years at most', () => {
    const days = (count: number) => new Date(Date.parse(at) + count * 86_400_000).toISOString();
    const state = folded(...two);
    const until = (notAfter: string) =>
      codeOf(decideEnrolment(state, { ...draft('x', 'officer'), notAfter }, at));
    expect(until(days(maxCredentialDays))).toBe('ok');
    expect(until(days(maxCredentialDays + 1))).toBe('credential.validity');
    expect(until(at)).toBe('credential.validity');
  });

  it('of the time before dual control still takes effect at once; after its beginning none does', () => {
    const { possession: _, ...old } = draft('zoe', 'administrator');
    const first: AnyControlEntry = { ...ceremony('zoe'), kind: 'credential.enrolled', details: old };
    const { possession: __, ...officer } = draft('carol', 'officer');
    const unsigned: AnyControlEntry = {
      ...enrolled('zoe', draft('carol', 'officer')),
      details: officer,
    } as AnyControlEntry;
    const state = folded(started, first, unsigned);
    expect(codeOf(decideAccess(state, proof, ['officer'], at))).toBe('ok');
    expect(() => folded(started, first, ceremony('bob'), unsigned)).toThrow(ControlError);
  });
});

describe('a key with a certificate', () => {
  const digest = 'ab'.repeat(32);
  const certificate = { chainSha256: digest, sha256: digest, anchorSha256: digest, notAfter: end };
  const details = { ...draft('carol', 'officer'), certificate };
  const withAnchors = (anchors: readonly string[]): AnyControlEntry =>
    ({ ...started, details: { ...started.details, anchors } }) as AnyControlEntry;
  const all = [
    ceremony('alice'),
    ceremony('bob'),
    enrolled('alice', details),
    confirmed('bob', 'carol', 'officer'),
  ];
  const use = (state: ControlState) =>
    codeOf(decideAccess(state, { kid: thumb('carol'), jti: 'x' }, ['officer'], at));

  it('may act while the service trusts its authority', () => {
    const state = folded(withAnchors([digest]), ...all);
    expect(use(state)).toBe('ok');
    foldEntry(state, { ...withAnchors(['cd'.repeat(32)]), kind: 'configuration.changed' } as AnyControlEntry);
    expect(use(state)).toBe('proof.certificate');
    expect(use(folded(started, ...all))).toBe('proof.certificate');
  });

  it('ends no later than that', () => {
    const long = { ...details, notAfter: '2027-11-20T09:00:00.001Z' };
    expect(codeOf(decideEnrolment(folded(...two), long, at))).toBe('credential.validity');
  });
});

describe('one person holds', () => {
  it('registrar and reviewer, and no other two roles', () => {
    const role = fc.constantFrom(...roles);
    fc.assert(
      fc.property(role, role, fc.boolean(), (held, wanted, isPending) => {
        const state = folded(
          ...two,
          enrolled('alice', draft('carol', held)),
          ...(isPending ? [] : [confirmed('bob', 'carol', held)]),
        );
        const decision = decideEnrolment(state, draft('carol', wanted, thumb('carol-2')), at);
        const pair = [held, wanted].sort().join();
        const isAllowed = held === wanted || pair === 'registrar,reviewer';
        expect(codeOf(decision)).toBe(isAllowed ? 'ok' : 'credential.roles');
      }),
    );
  });

  it('another role once the first has ended', () => {
    const one = [...two, enrolled('alice', draft('carol', 'officer'))];
    const next = { ...draft('carol', 'auditor', thumb('carol-2')), notAfter: '2028-11-20T09:00:00.000Z' };
    expect(codeOf(decideEnrolment(folded(...one), next, at))).toBe('credential.roles');
    expect(codeOf(decideEnrolment(folded(...one), next, end))).toBe('ok');
    expect(codeOf(decideEnrolment(folded(...one, revoked('bob', thumb('carol'))), next, at))).toBe('ok');
  });
});

describe('the ceremony on the console', () => {
  it('makes two administrators, who are two people, and no third', () => {
    const state = folded(...two);
    expect([...administratorsAt(state, at)]).toEqual(['alice', 'bob']);
    expect(codeOf(decideCeremony(state, draft('carol', 'administrator'), at))).toBe('credential.confirmed');
    expect(() => folded(...two, ceremony('carol'))).toThrow(ControlError);
    expect(() => folded(started, ceremony('alice'), ceremony('alice'))).toThrow(ControlError);
    expect(codeOf(decideCeremony(folded(started), draft('carol', 'officer'), at))).toBe('credential.roles');
  });

  it('makes one again where only one is left', () => {
    const state = folded(...two, revoked('alice', thumb('bob')));
    expect(codeOf(decideCeremony(state, draft('alice', 'administrator', thumb('alice-2')), at))).toBe(
      'credential.roles',
    );
    foldEntry(state, ceremony('carol'));
    expect([...administratorsAt(state, at)]).toEqual(['alice', 'carol']);
  });
});

describe('an end', () => {
  it('takes one administrator alone, at once', () => {
    const state = folded(
      ...two,
      enrolled('alice', draft('carol', 'officer')),
      confirmed('bob', 'carol', 'officer'),
    );
    foldEntry(state, revoked('bob', thumb('carol')));
    const proof = { kid: thumb('carol'), jti: 'a'.repeat(22) };
    expect(codeOf(decideAccess(state, proof, ['officer'], at))).toBe('proof.key_revoked');
  });

  it('is refused for the last administrator, though another waits for confirmation', () => {
    const state = folded(
      ...two,
      enrolled('alice', draft('carol', 'administrator')),
      revoked('alice', thumb('bob')),
    );
    expect(codeOf(decideCredentialRevocation(state, thumb('alice'), at))).toBe(
      'credential.last_administrator',
    );
    expect(codeOf(decideCredentialRevocation(state, thumb('carol'), at))).toBe('ok');
    expect(codeOf(decideCredentialRevocation(state, thumb('nobody'), at))).toBe('credential.unknown');
  });
});

describe('a rotation', () => {
  const one = folded(
    ...two,
    enrolled('alice', draft('carol', 'officer')),
    confirmed('bob', 'carol', 'officer'),
  );
  const key = {
    credentialId: 'carol-2',
    algorithm: 'ES384',
    publicKey: {},
    thumbprint: thumb('carol-2'),
    possession,
  };
  const rotated = (change: object = {}, actor = 'carol'): AnyControlEntry => ({
    kind: 'credential.rotated',
    at: later,
    actor: { credential: thumb(actor), role: actor === 'carol' ? 'officer' : 'administrator' },
    subject: key.thumbprint,
    details: { ...draft('carol', 'officer'), ...key, notBefore: later, previous: thumb('carol'), ...change },
  });
  const fold = (entry: AnyControlEntry): ControlState =>
    foldEntry(
      { ...one, credentials: new Map(one.credentials), counts: new Map(), lastUse: new Map() },
      entry,
    );

  it('gives the new key what the old one had, to the same end, and ends the old one', () => {
    const decision = decideRotation(one, key, credentialOf(one, 'carol'), later);
    expect(decision).toMatchObject({
      ok: true,
      credential: { personId: 'carol', role: 'officer', notBefore: later, notAfter: end },
    });
    const state = fold(rotated());
    expect(codeOf(decideAccess(state, { kid: thumb('carol-2'), jti: 'x' }, ['officer'], later))).toBe('ok');
    const old = decideAccess(state, { kid: thumb('carol'), jti: 'x' }, ['officer'], later);
    expect(codeOf(old)).toBe('proof.key_revoked');
    expect(state.credentials.get(thumb('carol'))?.replacedBy).toBe(thumb('carol-2'));
  });

  it.each<[string, object]>([
    ['another person', { personId: 'dave' }],
    ['another role', { role: 'auditor' }],
    ['a later end', { notAfter: '2028-11-20T09:00:00.000Z' }],
    ['an earlier beginning', { notBefore: at }],
    ['a key that is enrolled', { thumbprint: thumb('bob') }],
    ['the place of another key', { previous: thumb('bob') }],
  ])('gives nobody %s', (_, change) => {
    expect(() => fold(rotated(change))).toThrow(ControlError);
  });

  it('is signed by nobody else', () => {
    expect(() => fold(rotated({}, 'alice'))).toThrow(ControlError);
  });
});

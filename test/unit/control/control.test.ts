import { describe, expect, it } from 'vitest';
import {
  type AnyControlEntry,
  asControlEntry,
  ControlError,
  decideAccess,
  decideApproval,
  decideCancellation,
  decideRelease,
  emptyState,
  entryKinds,
  foldEntry,
  type Role,
} from '#shared/control';
import { entryKinds as ledgerKinds } from '#shared/ledger';
import { generateKey, signRequest } from '#shared/signed-request';

const at = '2026-11-20T09:00:00.000Z';
const orderId = '01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9e';
const service = { service: 'disclosure' } as const;
const named = { orderId, version: 1 };
const thumb = (letter: string): string => letter.repeat(43);

function enrolled(thumbprint: string, personId: string, role: Role): AnyControlEntry {
  return {
    kind: 'credential.enrolled',
    at,
    actor: role === 'administrator' ? service : { credential: thumb('z'), role: 'administrator' },
    subject: thumbprint,
    details: {
      credentialId: `c-${personId}`,
      personId,
      role,
      algorithm: 'ES256',
      publicKey: {},
      thumbprint,
      notBefore: at,
      notAfter: '2027-11-20T09:00:00.000Z',
    },
  };
}

const recorded: AnyControlEntry = {
  kind: 'order.recorded',
  at,
  actor: { credential: thumb('a'), role: 'registrar' },
  subject: orderId,
  details: {
    version: 1,
    regime: 'NL_DOMESTIC',
    regimeVersion: '1',
    type: 'produce',
    issuingState: 'NL',
    emergency: false,
    categories: ['sender'],
    targetCount: 1,
    receivedAt: at,
    validUntil: '2026-12-01T00:00:00.000Z',
  },
};
const approvedBy = (credential: string): AnyControlEntry => ({
  kind: 'order.approved',
  at,
  actor: { credential, role: 'reviewer' },
  subject: orderId,
  details: { version: 1 },
});

const revoked: AnyControlEntry = {
  kind: 'credential.revoked',
  at,
  actor: { credential: thumb('z'), role: 'administrator' },
  details: { thumbprint: thumb('c'), reason: 'lost' },
};
const disclosureId = '01939f3a-7b1c-7cc3-9d20-3a1f6b7c8d9f';
const requested: AnyControlEntry = {
  kind: 'disclosure.requested',
  at,
  actor: { credential: thumb('o'), role: 'officer' },
  subject: disclosureId,
  details: { orderId, orderVersion: 1 },
};
const released: AnyControlEntry = {
  kind: 'disclosure.released',
  at,
  actor: service,
  subject: disclosureId,
  details: {
    orderId,
    packageId: orderId,
    records: 0,
    parts: 1,
    bytes: 1,
    completeness: 'none',
    manifestSha256: 'a'.repeat(64),
  },
};
const failed: AnyControlEntry = {
  kind: 'disclosure.failed',
  at,
  actor: service,
  subject: disclosureId,
  details: { orderId, code: 'service.internal' },
};

const cancelledBy = (credential: string): AnyControlEntry => ({
  kind: 'disclosure.cancelled',
  at,
  actor: { credential, role: 'officer' },
  subject: disclosureId,
  details: { orderId },
});
const interrupted: AnyControlEntry = {
  kind: 'disclosure.interrupted',
  at,
  actor: service,
  subject: disclosureId,
  details: { orderId, code: 'service.stopping' },
};

function folded(...entries: AnyControlEntry[]) {
  const state = emptyState();
  for (const entry of entries) foldEntry(state, entry);
  return state;
}
const people = [
  enrolled(thumb('z'), 'admin', 'administrator'),
  enrolled(thumb('a'), 'one', 'registrar'),
  enrolled(thumb('b'), 'one', 'reviewer'),
  enrolled(thumb('c'), 'two', 'reviewer'),
  enrolled(thumb('o'), 'three', 'officer'),
];

describe('the control state follows from the entries', () => {
  it('every kind that is written can be kept in the ledger', () => {
    expect(entryKinds.filter((kind) => !ledgerKinds.some((known) => known === kind))).toEqual([]);
  });

  it('an order is released under only once another person approved it, and until it ends', () => {
    expect(decideRelease(folded(...people), named, at)).toEqual({ ok: false, code: 'order.unknown' });
    expect(decideRelease(folded(...people, recorded), named, at)).toEqual({
      ok: false,
      code: 'order.not_approved',
    });
    const state = folded(...people, recorded, approvedBy(thumb('c')));
    expect(decideRelease(state, named, at).ok).toBe(true);
    expect(decideRelease(state, named, '2026-12-01T00:00:00.000Z').ok).toBe(true);
    expect(decideRelease(state, named, '2026-12-01T00:00:00.001Z')).toEqual({
      ok: false,
      code: 'order.expired',
    });
  });

  it('the person who recorded cannot approve, and an entry that says so is no ledger of ours', () => {
    const state = folded(...people, recorded);
    const own = state.credentials.get(thumb('b'));
    if (!own) throw new Error('not enrolled');
    expect(decideApproval(state, orderId, own, at, named)).toEqual({
      ok: false,
      code: 'order.own_registration',
    });
    expect(() => foldEntry(state, approvedBy(thumb('b')))).toThrow(ControlError);
  });

  it.each<[string, AnyControlEntry[]]>([
    ['an approval of an order that nobody recorded', [...people, approvedBy(thumb('c'))]],
    ['a second decision', [...people, recorded, approvedBy(thumb('c')), approvedBy(thumb('c'))]],
    ['a decision by somebody who is not enrolled', [...people, recorded, approvedBy(thumb('x'))]],
    ['an approval by a registrar', [...people, recorded, approvedBy(thumb('a'))]],
    [
      'an approval under another role than the credential has',
      [
        ...people,
        recorded,
        { ...approvedBy(thumb('a')), actor: { credential: thumb('a'), role: 'reviewer' } } as AnyControlEntry,
      ],
    ],
    [
      'an approval by a service',
      [...people, recorded, { ...approvedBy(thumb('c')), actor: service } as AnyControlEntry],
    ],
    [
      'an approval by a credential that was revoked before',
      [
        ...people,
        recorded,
        {
          kind: 'credential.revoked',
          at,
          actor: { credential: thumb('z'), role: 'administrator' },
          details: { thumbprint: thumb('c'), reason: 'lost' },
        },
        approvedBy(thumb('c')),
      ],
    ],
    [
      'an approval before the credential was valid',
      [...people, recorded, { ...approvedBy(thumb('c')), at: '2026-11-19T00:00:00.000Z' } as AnyControlEntry],
    ],
    [
      'an enrolment by the service once there is an administrator',
      [...people, { ...enrolled(thumb('d'), 'four', 'officer'), actor: service } as AnyControlEntry],
    ],
    ['a second revocation', [...people, revoked, revoked]],
    ['a second release', [...people, recorded, approvedBy(thumb('c')), requested, released, released]],
    [
      'a failure after the release',
      [...people, recorded, approvedBy(thumb('c')), requested, released, failed],
    ],
    ['a request for an order that nobody recorded', [...people, requested]],
    ['the same key twice', [...people, enrolled(thumb('a'), 'three', 'officer')]],
    ['the same order twice', [...people, recorded, recorded]],
    [
      'a release that nobody asked for',
      [
        ...people,
        recorded,
        {
          kind: 'disclosure.released',
          at,
          actor: service,
          subject: orderId,
          details: {
            orderId,
            packageId: orderId,
            records: 0,
            parts: 1,
            bytes: 1,
            completeness: 'none',
            manifestSha256: 'a'.repeat(64),
          },
        },
      ],
    ],
  ])('refuses %s', (_name, entries) => {
    expect(() => folded(...entries)).toThrow(ControlError);
  });

  it('refuses kinds and details that it does not know', () => {
    const envelope = {
      kind: 'order.approved',
      at,
      actor: service,
      subject: orderId,
      details: { version: 0 },
    };
    expect(() => asControlEntry(0, envelope)).toThrow(ControlError);
    expect(() => asControlEntry(0, { ...envelope, kind: 'order.forged' })).toThrow(ControlError);
  });

  it('a signed request that an entry carries is used up, and forgotten only when it is stale', async () => {
    const key = await generateKey('ES256');
    const person = { ...enrolled(key.kid, 'one', 'officer') };
    if (person.kind === 'credential.enrolled') person.details = { ...person.details, thumbprint: key.kid };
    const jti = 'a'.repeat(22);
    const sign = (nowSeconds: number, id: string) =>
      signRequest({
        privateKey: key.privateKey,
        alg: 'ES256',
        kid: key.kid,
        credentialId: 'c-one',
        audience: 'https://griffie.example.nl',
        method: 'GET',
        url: 'https://griffie.example.nl/v1/orders',
        body: new Uint8Array(),
        nowSeconds,
        jti: id,
      });
    const seconds = Date.parse(at) / 1000;
    const granted = async (time: string, id: string): Promise<AnyControlEntry> => ({
      kind: 'access.granted',
      at: time,
      actor: { credential: key.kid, role: 'officer' },
      evidence: await sign(Date.parse(time) / 1000, id),
      details: { route: 'GET /v1/orders' },
    });
    const state = folded(...people, person, await granted(at, jti));
    const proof = { kid: key.kid, jti };
    expect(decideAccess(state, proof, ['officer'], at)).toEqual({ ok: false, code: 'proof.replayed' });
    const edge = new Date((seconds + 120) * 1000).toISOString();
    foldEntry(state, await granted(edge, 'b'.repeat(22)));
    expect(decideAccess(state, proof, ['officer'], edge)).toEqual({ ok: false, code: 'proof.replayed' });
    const past = new Date((seconds + 121) * 1000).toISOString();
    foldEntry(state, await granted(past, 'c'.repeat(22)));
    expect(state.usedProofs.has(`${key.kid} ${jti}`)).toBe(false);
  });
});

describe('a disclosure that is given up', () => {
  const asked = [...people, recorded, approvedBy(thumb('c')), requested];
  const officers = [...asked, enrolled(thumb('p'), 'four', 'officer')];
  const credentialOf = (thumbprint: string) => {
    const credential = folded(...officers).credentials.get(thumbprint);
    if (!credential) throw new Error('not enrolled');
    return credential;
  };

  it('is cancelled by the officer who asked, until it ended', () => {
    const own = credentialOf(thumb('o'));
    expect(decideCancellation(folded(...asked), disclosureId, own).ok).toBe(true);
    const refusals = [
      decideCancellation(folded(...people), disclosureId, own),
      decideCancellation(folded(...officers), disclosureId, credentialOf(thumb('p'))),
      ...[released, failed, cancelledBy(thumb('o'))].map((end) =>
        decideCancellation(folded(...asked, end), disclosureId, own),
      ),
    ];
    expect(refusals.map((refusal) => !refusal.ok && refusal.code)).toEqual([
      'disclosure.unknown',
      'disclosure.not_yours',
      'disclosure.ended',
      'disclosure.ended',
      'disclosure.ended',
    ]);
  });

  it('is never released after its cancellation, and may be after an interruption', () => {
    const cancelled = [...asked, cancelledBy(thumb('o'))];
    expect(folded(...cancelled).disclosures.get(disclosureId)?.status).toBe('Cancelled');
    for (const later of [released, failed, interrupted, cancelledBy(thumb('o'))]) {
      expect(() => folded(...cancelled, later)).toThrow(ControlError);
    }
    expect(() => folded(...asked, released, interrupted)).toThrow(ControlError);
    const resumed = folded(...asked, interrupted, interrupted, released);
    expect(resumed.disclosures.get(disclosureId)?.status).toBe('DisclosureNotAvailable');
  });

  it('is cancelled by officers alone, and interrupted by the service alone', () => {
    expect(() => folded(...asked, { ...cancelledBy(thumb('o')), actor: service } as AnyControlEntry)).toThrow(
      ControlError,
    );
    const byOfficer = { ...interrupted, actor: { credential: thumb('o'), role: 'officer' } };
    expect(() => folded(...asked, byOfficer as AnyControlEntry)).toThrow(ControlError);
  });
});

import { describe, expect, it } from 'vitest';
import {
  type AnyControlEntry,
  ControlError,
  type ControlState,
  type Credential,
  decideCredential,
  decideList,
  decodeState,
  emptyState,
  encodeState,
  foldEntry,
  listStanding,
  maxRevokedAtOnce,
  type RevocationPolicy,
  revocationStanding,
  revokedBy,
  type TakenList,
} from '#shared/control';

/* What revocation lists in use mean for credentials, by the rules alone. */

const at = '2026-11-20T09:00:00.000Z';
const digest = (n: number): string => n.toString(16).padStart(64, '0');
const thumb = (n: number): string => String(n).padStart(43, 'k');
/** Ids of an authority of officers, of the one above it, and of the anchor's certificate. */
const [officers, root, anchor] = [digest(1), digest(2), digest(3)];
const service = { actor: { service: 'disclosure' } } as const;

function stateWith(required: RevocationPolicy['required'], count = 2): ControlState {
  const state = emptyState();
  state.configuration = {
    software: '0',
    audience: 'https://griffie.example.nl',
    retentionPeriod: 'P6M',
    manifestKey: {},
    anchors: [anchor],
    revocation: { required },
  };
  for (let n = 0; n < count; n++) state.credentials.set(thumb(n), credential(n));
  return state;
}

function credential(n: number): Credential {
  const links = [
    { issuer: officers, id: digest(1_000 + n) },
    { issuer: root, id: digest(10) },
  ];
  return {
    ...{ credentialId: `officer-${n}`, personId: `officer-${n}`, role: 'officer', algorithm: 'ES256' },
    ...{ publicKey: {}, thumbprint: thumb(n), notBefore: at, notAfter: '2027-11-20T09:00:00.000Z' },
    certificate: {
      ...{ chainSha256: digest(4), sha256: digest(5), anchorSha256: anchor },
      notAfter: '2028-01-01T00:00:00.000Z',
      links,
    },
  } as Credential;
}

const listOf = (authority: string, number: string, change: Partial<TakenList> = {}): TakenList => ({
  authority,
  certificates: [anchor],
  sha256: digest(100 + Number.parseInt(number, 16)),
  bytes: 1,
  entries: 0,
  number,
  thisUpdate: at,
  nextUpdate: '2026-11-27T09:00:00.000Z',
  revoked: [],
  ...change,
});
const take = (state: ControlState, details: TakenList): ControlState =>
  foldEntry(state, { ...service, kind: 'revocation_list.taken', at, details } as AnyControlEntry);
const revocation = (n: number, reason: 'key_compromise' | 'certificate_hold') =>
  ({ thumbprint: thumb(n), revokedAt: at, reason }) as const;
const codeOf = (state: ControlState, n: number, when = at): string => {
  const decision = decideCredential(state, thumb(n), when);
  return decision.ok ? 'ok' : decision.code;
};

describe('a credential with a certificate', () => {
  it('needs a list of those authorities that must have one, and of those that had one', () => {
    expect(codeOf(stateWith([]), 0)).toBe('ok');
    for (const required of ['all', [officers], [root]] as const) {
      expect(codeOf(stateWith(typeof required === 'string' ? required : [...required]), 0)).toBe(
        'proof.revocation_unknown',
      );
    }
    const state = take(stateWith([officers]), listOf(officers, '1'));
    expect(codeOf(state, 0)).toBe('ok');
    expect(codeOf(state, 0, '2026-11-27T09:00:00.000Z')).toBe('ok');
    expect(codeOf(state, 0, '2026-11-27T09:00:00.001Z')).toBe('proof.revocation_unknown');
    expect(codeOf(take(stateWith('all'), listOf(officers, '1')), 0)).toBe('proof.revocation_unknown');
  });

  it('of before there were lists cannot be looked up', () => {
    const state = stateWith([]);
    const { certificate, ...rest } = credential(0);
    if (certificate === undefined) throw new Error('it has one');
    const { links: _, ...old } = certificate;
    state.credentials.set(thumb(0), { ...rest, certificate: old });
    expect(codeOf(state, 0)).toBe('proof.revocation_unknown');
    const { revocation: __, ...without } = state.configuration ?? ({} as never);
    state.configuration = without;
    expect(codeOf(state, 0)).toBe('ok');
  });

  it('ends with it for good, and is held by it for as long as it says', () => {
    const state = take(
      stateWith([]),
      listOf(officers, '1', {
        revoked: [revocation(0, 'key_compromise'), revocation(1, 'certificate_hold')],
      }),
    );
    expect([codeOf(state, 0), codeOf(state, 1)]).toEqual(['proof.key_revoked', 'proof.certificate_held']);
    expect(state.credentials.get(thumb(0))).toMatchObject({ revokedAt: at, revokedBy: digest(101) });
    // Another authority's list takes no hold back.
    take(state, listOf(root, '9'));
    expect(codeOf(state, 1)).toBe('proof.certificate_held');
    take(state, listOf(officers, '2'));
    expect([codeOf(state, 0), codeOf(state, 1)]).toEqual(['proof.key_revoked', 'ok']);
    expect(state.revocationLists.get(officers)).toMatchObject({ ended: 1, held: [] });
  });

  it('stands as it stood, once the state was written and read', () => {
    const revoked = [revocation(0, 'key_compromise'), revocation(1, 'certificate_hold')];
    const state = take(stateWith([officers]), listOf(officers, '1', { revoked }));
    expect(decodeState(encodeState(state))).toEqual(state);
  });

  it('on hold ends where it is revoked afterwards', () => {
    const state = take(
      stateWith([]),
      listOf(officers, '1', { revoked: [revocation(0, 'certificate_hold')] }),
    );
    take(state, listOf(officers, '2', { revoked: [revocation(0, 'key_compromise')] }));
    expect(codeOf(state, 0)).toBe('proof.key_revoked');
  });
});

describe('a list', () => {
  const rule = (state: ControlState, list: TakenList) => {
    const decision = decideList(state, list, at);
    return decision.ok ? 'ok' : decision.code;
  };

  it('is newer than the one in use, by number and by date', () => {
    const state = take(stateWith([]), listOf(officers, 'ff'));
    expect(rule(state, listOf(officers, 'ff'))).toBe('revocation_list.in_use');
    expect(rule(state, listOf(officers, 'fe'))).toBe('revocation_list.older');
    expect(rule(state, listOf(officers, 'ff', { sha256: digest(7) }))).toBe('revocation_list.older');
    expect(rule(state, listOf(officers, '100'))).toBe('ok');
    expect(rule(state, listOf(officers, '100', { thisUpdate: '2026-11-20T08:59:59.000Z' }))).toBe(
      'revocation_list.older',
    );
    expect(rule(state, listOf(root, '0'))).toBe('ok');
  });

  it('is of now, of an anchor, and asked for', () => {
    const later = { thisUpdate: '2026-11-20T09:00:00.001Z' };
    expect(rule(stateWith([]), listOf(officers, '1', later))).toBe('revocation_list.not_yet');
    const foreign = { certificates: [anchor, digest(9)] };
    expect(rule(stateWith([]), listOf(officers, '1', foreign))).toBe('revocation_list.not_trusted');
    const { revocation: _, ...without } = stateWith([]).configuration ?? ({} as never);
    expect(rule({ ...stateWith([]), configuration: without }, listOf(officers, '1'))).toBe(
      'revocation_list.not_configured',
    );
  });

  it('ends hundreds at once in as many entries as it needs, and counts as none in between', () => {
    const count = maxRevokedAtOnce + 44;
    const state = stateWith([], count + 1);
    const below = listOf(officers, '1');
    const found = new Map(
      Array.from({ length: count }, (_, n) => [
        digest(1_000 + n),
        { revokedAt: at, reason: 'superseded' as const },
      ]),
    );
    const parts = revokedBy(state, below, found);
    expect(parts.map(({ revoked, more }) => [revoked.length, more])).toEqual([
      [maxRevokedAtOnce, true],
      [44, undefined],
    ]);
    const [first, second] = parts.map((part) => ({ ...below, ...part, revoked: [...part.revoked] }));
    if (!first || !second) throw new Error('two parts');
    take(state, first);
    expect(listStanding(state, officers, at)).toBe('missing');
    expect(codeOf(state, count)).toBe('proof.revocation_unknown');
    // What is left is the same, for whoever goes on after a crash.
    expect(revokedBy(state, below, found)).toEqual([{ revoked: second.revoked }]);
    take(state, second);
    expect(listStanding(state, officers, at)).toBe('current');
    expect([codeOf(state, count), codeOf(state, count - 1)]).toEqual(['ok', 'proof.key_revoked']);
  });

  it('ends all below a certificate that several have', () => {
    const found = new Map([[digest(10), { revokedAt: at, reason: 'ca_compromise' as const }]]);
    const [part] = revokedBy(stateWith([], 3), listOf(root, '1'), found);
    expect(part?.revoked.map(({ thumbprint }) => thumbprint)).toEqual([thumb(0), thumb(1), thumb(2)]);
  });

  it.each<[string, TakenList]>([
    [
      'ends nobody who is not under its authority',
      listOf(digest(8), '1', { revoked: [revocation(0, 'key_compromise')] }),
    ],
    [
      'ends nobody who is not enrolled',
      listOf(officers, '1', { revoked: [revocation(9, 'key_compromise')] }),
    ],
    [
      'ends nobody twice',
      listOf(officers, '1', { revoked: [revocation(0, 'key_compromise'), revocation(0, 'key_compromise')] }),
    ],
  ])('%s', (_, list) => {
    expect(() => take(stateWith([]), list)).toThrow(ControlError);
  });

  it('is taken by the service alone', () => {
    const actor = { credential: thumb(0), role: 'officer' } as const;
    const entry = { actor, kind: 'revocation_list.taken', at, details: listOf(officers, '1') };
    expect(() => foldEntry(stateWith([]), entry as AnyControlEntry)).toThrow(ControlError);
  });

  it('says nothing of keys without certificates', () => {
    expect(revocationStanding(stateWith('all'), { thumbprint: thumb(0) } as Credential, at)).toEqual({
      ok: true,
    });
  });
});

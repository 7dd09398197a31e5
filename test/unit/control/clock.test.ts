import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AnyControlEntry,
  decideClock,
  decideUse,
  emptyState,
  foldEntry,
  rederive,
} from '#shared/control';
import { utc } from '#shared/runtime';
import { generateKey, signRequest } from '#shared/signed-request';

const start = Date.parse('2026-11-20T09:00:00.000Z');
const configuration = {
  software: '0',
  audience: 'https://griffie.example.nl',
  retentionPeriod: 'P6M',
  manifestKey: {},
};
const actor = { service: 'disclosure' } as const;
const changed = (at: number): AnyControlEntry => ({
  kind: 'configuration.changed',
  at: utc(at),
  actor,
  details: configuration,
});
const refusedFor = (code: string, at: number): AnyControlEntry => ({
  kind: 'access.refused',
  at: utc(at),
  actor: { credential: 'a'.repeat(43), role: 'officer' },
  details: { code, route: 'GET /v1/orders' },
});

/** A ledger whose last entry is at `start`. */
function begun() {
  const state = emptyState();
  return foldEntry(state, { kind: 'ledger.started', at: utc(start), actor, details: configuration });
}

describe('the ledger’s time is never behind what it bears out', () => {
  it('before the first entry any clock will do', () => {
    expect(decideClock(emptyState(), utc(0))).toEqual({ ok: true, at: utc(0) });
  });

  it('a clock behind by what clocks are corrected by decides under the ledger’s time', () => {
    expect(decideClock(begun(), utc(start + 1))).toEqual({ ok: true, at: utc(start + 1) });
    for (const behind of [0, 1, 5_000]) {
      expect(decideClock(begun(), utc(start - behind))).toEqual({ ok: true, at: utc(start) });
    }
  });

  it('a clock further behind decides nothing', () => {
    for (const behind of [5_001, 60_000, 3_600_000, 86_400_000 * 400]) {
      expect(decideClock(begun(), utc(start - behind))).toEqual({ ok: false, code: 'clock.set_back' });
    }
  });

  it('whatever the clock does, times that were decided under do not go back', () => {
    const steps = fc.array(fc.integer({ min: -20_000, max: 20_000 }), { maxLength: 50 });
    fc.assert(
      fc.property(steps, (readings) => {
        const state = begun();
        let latest = utc(start);
        for (const offset of readings) {
          const time = decideClock(state, utc(start + offset));
          if (!time.ok) continue;
          expect(time.at >= latest).toBe(true);
          latest = time.at;
          foldEntry(state, changed(Date.parse(time.at)));
        }
      }),
    );
  });
});

describe('the replay knows the same rule', () => {
  it('an entry that was decided under such a clock does not follow', () => {
    expect(rederive(begun(), changed(start - 5_000), null)).toEqual({ outcome: 'follows' });
    expect(rederive(begun(), changed(start - 5_001), null)).toMatchObject({ outcome: 'contradicts' });
  });

  it('a refusal for the clock follows where the clock was behind, and only there', () => {
    expect(rederive(begun(), refusedFor('clock.set_back', start - 5_001), null)).toEqual({
      outcome: 'follows',
    });
    expect(rederive(begun(), refusedFor('clock.set_back', start), null)).toMatchObject({
      outcome: 'contradicts',
    });
    expect(rederive(begun(), refusedFor('access.role', start - 5_001), null)).toMatchObject({
      outcome: 'contradicts',
    });
  });
});

describe('a request that was used', () => {
  it('is not forgotten because a clock was set ahead: nobody signed under it', async () => {
    const key = await generateKey('ES256');
    const state = begun();
    const details = {
      credentialId: 'officer',
      personId: 'officer',
      role: 'officer' as const,
      algorithm: 'ES256',
      publicKey: {},
      thumbprint: key.kid,
      notBefore: utc(start),
      notAfter: utc(start + 365 * 86_400_000),
    };
    foldEntry(state, { kind: 'credential.enrolled', at: utc(start), actor, subject: key.kid, details });
    const used = async (at: number, kind: 'access.granted' | 'access.refused', jti: string) => {
      const evidence = await signRequest({
        privateKey: key.privateKey,
        alg: 'ES256',
        kid: key.kid,
        credentialId: 'officer',
        audience: configuration.audience,
        method: 'GET',
        url: `${configuration.audience}/v1/orders`,
        body: new Uint8Array(),
        nowSeconds: at / 1000,
        jti,
      });
      const route = 'GET /v1/orders';
      const by = { at: utc(at), actor: { credential: key.kid, role: 'officer' as const }, evidence };
      const entry: AnyControlEntry =
        kind === 'access.granted'
          ? { ...by, kind, details: { route } }
          : { ...by, kind, details: { route, code: 'access.role' } };
      foldEntry(state, entry);
    };
    const first = 'a'.repeat(22);
    await used(start, 'access.granted', first);
    await used(start + 48 * 3_600_000, 'access.refused', 'b'.repeat(22));
    const proof = { kid: key.kid, jti: first, issuedAt: start / 1000 };
    expect(decideClock(state, utc(start + 1_000)).ok).toBe(true);
    expect(decideUse(state, proof, ['officer'], utc(start + 1_000))).toEqual({
      ok: false,
      code: 'proof.replayed',
    });
  });
});

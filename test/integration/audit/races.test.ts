import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Replay } from '#shared/control';
import { startTestService, type TestService } from '../../support/test-service.ts';

describe('what the service decided while many acted at once', () => {
  let t: TestService;
  let ticking: NodeJS.Timeout;

  beforeAll(async () => {
    t = await startTestService();
    // A clock that runs fast, so that a request comes at one time and has its turn at another.
    ticking = setInterval(() => t.clock.advance(200), 5);
  });
  afterAll(async () => {
    clearInterval(ticking);
    await t.stop();
  });

  it('follows again, entry by entry, when it is replayed', async () => {
    for (let round = 0; round < 6; round++) {
      const registrar = await t.enrol('registrar');
      const orderId = await t.record(registrar);
      const [one, other, officer] = [
        await t.enrol('reviewer'),
        await t.enrol('reviewer'),
        await t.enrol('officer'),
      ];
      const proof = await other.sign('GET', '/v1/orders');
      const ask = () => officer.call('POST', '/v1/disclosures', { body: { orderId } });
      const revoke = (thumbprint: string) =>
        t.administrator.call('POST', `/v1/credentials/${thumbprint}/revocation`, {
          body: { reason: 'lost' },
        });
      await Promise.all([
        ...Array.from({ length: 5 }, () => other.call('GET', '/v1/orders', { proof })),
        ask(),
        one.call('POST', `/v1/orders/${orderId}/approval`),
        revoke(one.key.kid),
        other.call('POST', `/v1/orders/${orderId}/approval`),
        one.call('POST', `/v1/orders/${orderId}/rejection`, { body: { reason: 'other' } }),
        revoke(one.key.kid),
        ask(),
        officer.call('GET', `/v1/orders/${orderId}`),
        officer.call('GET', '/v1/credentials'),
        t.anonymous('GET', '/v1/orders', { proof: 'none' }),
      ]);
      const allowed = await ask();
      if (allowed.status === 202) {
        await Promise.all([
          t.finished(officer, allowed.body.disclosureId),
          revoke(officer.key.kid),
          officer.call('GET', `/v1/disclosures/${allowed.body.disclosureId}/package`),
        ]);
      }
    }
    const replay = new Replay();
    let first = 0;
    for await (const leaves of t.ledger.leaves()) {
      await replay.take(leaves, first);
      first += leaves.length;
    }
    const { entries, problems, gaps, signaturesVerified } = replay.report();
    expect(problems).toEqual([]);
    expect(entries).toBe(first);
    expect(signaturesVerified).toBeGreaterThan(60);
    const expected = ['case_file', 'no_request', 'outside'];
    expect(Object.keys(gaps).filter((gap) => !expected.includes(gap))).toEqual([]);
  });
});

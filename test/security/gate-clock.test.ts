import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Replay } from '#shared/control';
import { createMemoryStorage } from '#shared/ledger-storage';
import { bootstrap } from '../../services/disclosure/control/bootstrap.ts';
import { ClockError, openControlPlane } from '../../services/disclosure/control/control-plane.ts';
import { type Person, startTestService, type TestService } from '../support/test-service.ts';

const hour = 3_600_000;

/** Replays the whole ledger by the rules; the problems that it finds. */
async function replayed(t: TestService) {
  const replay = new Replay();
  for await (const leaves of t.ledger.leaves()) await replay.take(leaves, replay.state.size);
  return replay.report();
}

describe('a clock that is set back gives nothing back', () => {
  let t: TestService;
  let officer: Person;
  let approved: string;
  beforeAll(async () => {
    t = await startTestService();
    officer = await t.enrol('officer');
    approved = await t.approvedOrder();
  });
  afterAll(() => t.stop());

  const refusals = async (from: number) =>
    (await t.entries()).slice(from).map(({ kind, details }) => [kind, details.code]);

  it('an expired order stays expired', async () => {
    const orderId = await t.approvedOrder(t.orderDraft({ validUntil: '2096-11-20T12:00:00.000Z' }));
    t.clock.set('2096-11-20T12:00:00.001Z');
    const ask = () => officer.call('POST', '/v1/disclosures', { body: { orderId } });
    expect(await ask()).toMatchObject({ status: 403, body: { code: 'order.expired' } });
    const before = t.ledger.checkpoint().size;
    t.clock.advance(-1_000);
    // Set back by less than a correction: the ledger's time holds, and in it the order has expired.
    expect(await ask()).toMatchObject({ status: 403, body: { code: 'order.expired' } });
    t.clock.advance(-hour);
    const answer = await ask();
    expect(answer).toMatchObject({ status: 503, body: { code: 'clock.set_back' } });
    expect(await refusals(before)).toEqual([
      ['disclosure.refused', undefined],
      ['access.refused', 'clock.set_back'],
    ]);
    t.clock.set('2096-11-20T12:00:01.000Z');
  });

  it('a used request stays used, also once it was forgotten', async () => {
    const body = Buffer.from(JSON.stringify({ orderId: approved }));
    const proof = await officer.sign('POST', '/v1/disclosures', body);
    const send = () => officer.call('POST', '/v1/disclosures', { bytes: body, proof });
    expect((await send()).status).toBe(202);
    // Another entry after its time makes room for other requests.
    t.clock.advance(150_000);
    expect((await officer.call('GET', '/v1/orders')).status).toBe(200);
    const requested = async () =>
      (await t.entries()).filter(({ kind }) => kind === 'disclosure.requested').length;
    const count = await requested();
    for (const back of [60_000, 60_000, 20_000, 10_000]) {
      t.clock.advance(-back);
      expect(await send()).toMatchObject({ status: 503, body: { code: 'clock.set_back' } });
    }
    t.clock.advance(150_000);
    expect(await send()).toMatchObject({ status: 401, body: { code: 'proof.stale' } });
    expect(await requested()).toBe(count);
  });

  it('nobody decides, reads or collects anything meanwhile; what is public answers', async () => {
    const people = await Promise.all((['registrar', 'reviewer', 'auditor'] as const).map((r) => t.enrol(r)));
    t.clock.advance(-hour);
    for (const person of [...people, officer]) {
      expect(await person.call('GET', '/v1/orders')).toMatchObject({ body: { code: 'clock.set_back' } });
    }
    const key = { body: { reason: 'other' } };
    const revocation = `/v1/credentials/${officer.key.kid}/revocation`;
    expect(await t.administrator.call('POST', revocation, key)).toMatchObject({ status: 503 });
    expect(await t.anonymous('GET', '/health')).toMatchObject({ status: 200 });
    expect(await t.anonymous('GET', '/ledger/checkpoint')).toMatchObject({ status: 200 });
    // Whose clock is right is told the same, not that theirs is wrong.
    t.clock.advance(hour);
    const proof = await officer.sign('GET', '/v1/orders');
    t.clock.advance(-hour);
    expect(await officer.call('GET', '/v1/orders', { proof })).toMatchObject({
      status: 503,
      body: { code: 'clock.set_back' },
    });
    t.clock.advance(hour);
    expect(await officer.call('GET', '/v1/orders', { proof })).toMatchObject({ status: 200 });
  });

  it('a forged request is noise under any clock', async () => {
    const before = t.ledger.checkpoint().size;
    t.clock.advance(-hour);
    const proof = await officer.sign('GET', '/v1/orders');
    const other = await officer.sign('GET', '/v1/orders');
    const forged = proof.slice(0, proof.lastIndexOf('.')) + other.slice(other.lastIndexOf('.'));
    expect(await t.anonymous('GET', '/v1/orders', { proof: forged })).toMatchObject({ status: 401 });
    t.clock.advance(hour);
    expect(t.ledger.checkpoint().size).toBe(before);
  });

  it('a release waits for the right time, and is then made', async () => {
    const { readReleased } = t.store;
    let reading = (): void => {};
    const began = new Promise<void>((resolve) => {
      reading = resolve;
    });
    Object.assign(t.store, {
      readReleased: (...given: Parameters<typeof readReleased>) => {
        reading();
        t.clock.advance(-hour);
        Object.assign(t.store, { readReleased });
        return readReleased(...given);
      },
    });
    const { body } = await officer.call('POST', '/v1/disclosures', { body: { orderId: approved } });
    await began;
    const before = t.ledger.checkpoint().size;
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(t.ledger.checkpoint().size).toBe(before);
    t.clock.advance(hour);
    expect((await t.finished(officer, body.disclosureId)).body.ready).toBe(true);
  });

  it('and the whole ledger follows from the rules', async () => {
    const report = await replayed(t);
    expect(report.problems).toEqual([]);
    expect(report.gaps.clock).toBeUndefined();
    const clockRefusals = (await t.entries()).filter(({ details }) => details.code === 'clock.set_back');
    expect(clockRefusals.length).toBeGreaterThan(8);
  });
});

describe('a service that starts under a clock that is behind', () => {
  it('starts, decides nothing, and goes on once the clock is right', async () => {
    const storage = createMemoryStorage();
    const t = await startTestService({ storage });
    const officer = await t.enrol('officer');
    t.clock.advance(-2 * hour);
    expect(await officer.call('GET', '/v1/orders')).toMatchObject({ status: 503 });
    await t.service.close();
    const control = await openControlPlane(t.ledger, t.clock);
    const { configuration } = control.state;
    if (!configuration) throw new Error('the ledger has begun');
    const size = t.ledger.checkpoint().size;
    await bootstrap(control, configuration, undefined);
    // A changed configuration is a decision: it waits for the clock, and says so.
    const other = { ...configuration, software: 'other' };
    await expect(bootstrap(control, other, undefined)).rejects.toBeInstanceOf(ClockError);
    expect(t.ledger.checkpoint().size).toBe(size);
    t.clock.advance(2 * hour);
    await bootstrap(control, other, undefined);
    expect(t.ledger.checkpoint().size).toBe(size + 1);
    await t.stop();
  });
});

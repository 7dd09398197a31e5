import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Replay } from '#shared/control';
import { type Person, startTestService, type TestService } from '../support/test-service.ts';

const absent = '01890000-0000-7000-8000-000000000000';

describe('who has nothing to do with an order does not learn that it is there', () => {
  let t: TestService;
  let officer: Person;
  let approved: string;
  /** Orders under which an officer may ask for nothing, by why. */
  const closed: Record<string, string> = {};

  beforeAll(async () => {
    t = await startTestService();
    officer = await t.enrol('officer');
    const [registrar, reviewer] = [await t.enrol('registrar'), await t.enrol('reviewer')];
    approved = await t.approvedOrder();
    closed.waiting = await t.record(registrar);
    closed.rejected = await t.record(registrar);
    await reviewer.call('POST', `/v1/orders/${closed.rejected}/rejection`, { body: { reason: 'other' } });
    const { recipients: _, ...preservation } = t.orderDraft({ regime: 'EU_EPOC_PR', type: 'preserve' });
    closed.preservation = await t.approvedOrder(preservation);
    closed.expired = await t.approvedOrder(t.orderDraft({ validUntil: '2096-11-20T09:30:00.000Z' }));
    t.clock.set('2096-11-20T10:00:00.000Z');
  });
  afterAll(() => t.stop());

  const listed = async (person: Person): Promise<string[]> =>
    (await person.call('GET', '/v1/orders')).body.items.map(({ orderId }) => orderId).sort();

  it.each(['waiting', 'rejected', 'preservation', 'expired'])(
    'an officer is answered about an order that is %s as about one that does not exist',
    async (why) => {
      for (const path of ['', '/document']) {
        const none = await officer.call('GET', `/v1/orders/${absent}${path}`);
        const other = await officer.call('GET', `/v1/orders/${closed[why]}${path}`);
        expect(none).toMatchObject({ status: 404, body: { code: 'order.unknown' } });
        expect([other.status, other.bytes.toString()]).toEqual([none.status, none.bytes.toString()]);
        expect(Object.keys(other.headers)).toEqual(Object.keys(none.headers));
      }
      expect(await listed(officer)).not.toContain(closed[why]);
    },
  );

  it('an officer reads the order under which anything may be asked for', async () => {
    expect(await listed(officer)).toEqual([approved]);
    for (const path of ['', '/document']) {
      expect((await officer.call('GET', `/v1/orders/${approved}${path}`)).status).toBe(200);
    }
  });

  it('registrars and reviewers read every order, auditors how it stands, administrators nothing', async () => {
    const all = [approved, ...Object.values(closed)].sort();
    for (const role of ['registrar', 'reviewer'] as const) {
      const person = await t.enrol(role);
      expect(await listed(person)).toEqual(all);
      for (const orderId of all) {
        expect((await person.call('GET', `/v1/orders/${orderId}`)).status).toBe(200);
      }
    }
    const auditor = await t.enrol('auditor');
    expect(await listed(auditor)).toEqual(all);
    for (const person of [auditor, t.administrator]) {
      const answer = await person.call('GET', `/v1/orders/${approved}`);
      expect(answer).toMatchObject({ status: 403, body: { code: 'access.role' } });
    }
  });

  it('who asked under an order reads it after it ended, with any credential of theirs; nobody else does', async () => {
    const asked = await t.enrol('officer', 'person-who-asked');
    const orderId = await t.approvedOrder(t.orderDraft({ validUntil: '2096-11-20T10:30:00.000Z' }));
    expect((await asked.call('POST', '/v1/disclosures', { body: { orderId } })).status).toBe(202);
    t.clock.set('2096-11-20T11:00:00.000Z');
    const second = await t.enrol('officer', 'person-who-asked');
    const path = `/v1/orders/${orderId}`;
    expect((await asked.call('GET', path)).status).toBe(200);
    expect((await second.call('GET', path)).status).toBe(200);
    expect(await listed(second)).toContain(orderId);
    expect(await officer.call('GET', path)).toMatchObject({ status: 404, body: { code: 'order.unknown' } });
    expect(await listed(officer)).not.toContain(orderId);
  });

  it('and the replay finds each of these readings and refusals to follow', async () => {
    const replay = new Replay();
    for await (const leaves of t.ledger.leaves()) await replay.take(leaves, replay.state.size);
    expect(replay.report().problems).toEqual([]);
    expect(replay.report().counts['access.refused']).toBeGreaterThan(15);
  });
});
